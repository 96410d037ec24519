"""Many small models on one server: memory, and what cold and warm requests cost, beside a server of one model.

`MODELS` names for the regression of the serving benchmark: each is fetched, checked and loaded by itself. Cold is the
first request to each. Then come `COUNT` requests to models at random, which are all in memory, and as many to the one.
All over one connection.
"""

import asyncio
import json
import os
import random
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench import servers
from tests.bench.figures import Figures, median, number, percentile
from tests.bench.load import Load, Request, send, send_in_turn
from tests.bench.servers import Kind, Server

MODELS_PROGRAM = "tests.bench.serving_models"
SMALL = "LogisticRegression, array"  # of the models that it makes
WARM_UP = 200


def _environment(folder: Path, port: int) -> dict[str, str]:
    return {
        "PYTHONPATH": str(servers.ROOT / "serving"),
        "MILLWRIGHT_MODELS_DIR": str(folder / "lists"),
        "MILLWRIGHT_MODEL_DIR": str(folder / "models"),
        "MILLWRIGHT_PORT": str(port),
    }


MANY = Kind(
    name="many",
    command=servers.OURS.command,
    environment=_environment,
    ready=servers.OURS.ready,
    path="/v2/models/model-0/infer",
    body=servers.OURS.body,
    answer=servers.OURS.answer,
)


def main() -> None:
    """Both servers, in turn."""
    models, count, rounds = number("MODELS", 1000), number("COUNT", 3000), number("ROUNDS", 3)
    figures = Figures("many", {"models": models, "requests": count, "rounds": rounds})
    with tempfile.TemporaryDirectory(prefix="millwright-bench-") as name:
        command = [os.environ["RUNNER_PYTHON"], "-m", MODELS_PROGRAM, name]
        subprocess.run(command, check=True, env=os.environ | servers.ONE_THREAD)
        folder = Path(name) / SMALL
        _list(folder, models)
        with servers.serving(MANY, folder) as many, servers.serving(servers.OURS, folder) as one:
            requests = [replace(many.request, path=f"/v2/models/model-{index}/infer") for index in range(models)]
            _cold(figures, many, requests)
            _warm(figures, many, one, requests, count, rounds)
    figures.write()


def _list(folder: Path, models: int) -> None:
    package = folder / "package"
    digest = json.loads((package / "manifest.json").read_text())["digest"]
    known = {"version": "1", "packageURI": str(package), "digest": digest}
    (folder / "lists").mkdir()
    entries = [{"name": f"model-{index}"} | known for index in range(models)]
    (folder / "lists" / "models.json").write_text(json.dumps(entries))


def _cold(figures: Figures, many: Server, requests: Sequence[Request]) -> None:
    figures.add("RSS with no model", many.resident_mib(), "MiB")
    # The first one imports ONNX Runtime.
    first = _sent(asyncio.run(send_in_turn(requests[:1])))
    with_one, before = many.resident_mib(), many.cpu_seconds()
    others = _sent(asyncio.run(send_in_turn(requests[1:])))
    cpu, with_all = many.cpu_seconds() - before, many.resident_mib()
    figures.add("RSS with one", with_one, "MiB")
    figures.add("RSS with all", with_all, "MiB")
    figures.add("   for each", 1024 * (with_all - with_one) / (len(requests) - 1), "KiB")
    figures.add("cold: the very first request", first.latencies[0] * 1000, "ms")
    figures.add("cold: CPU", cpu * 1000 / (len(requests) - 1), "ms/request")
    _tell(figures, "cold", [others])


def _warm(figures: Figures, many: Server, one: Server, requests: Sequence[Request], count: int, rounds: int) -> None:
    chosen = random.Random(7)
    asyncio.run(send(one.request, WARM_UP, 1))
    of_many: list[Load] = []
    of_one: list[Load] = []
    cpu: dict[str, list[float]] = {"many": [], "one": []}
    for _ in range(rounds):
        before = many.cpu_seconds()
        of_many.append(_sent(asyncio.run(send_in_turn(chosen.choices(requests, k=count)))))
        cpu["many"].append((many.cpu_seconds() - before) * 1e6 / count)
        before = one.cpu_seconds()
        of_one.append(_sent(asyncio.run(send(one.request, count, 1))))
        cpu["one"].append((one.cpu_seconds() - before) * 1e6 / count)
    figures.add("warm: CPU", median(cpu["many"]), "µs/request")
    _tell(figures, "warm", of_many)
    figures.add("a server of one model: CPU", median(cpu["one"]), "µs/request")
    _tell(figures, "a server of one model", of_one)
    figures.add("warm: CPU, many / one", median(cpu["many"]) / median(cpu["one"]))


def _tell(figures: Figures, what: str, loads: Sequence[Load]) -> None:
    for share in (0.5, 0.99):
        value = median([percentile(load.latencies, share) * 1000 for load in loads])
        figures.add(f"{what}: p{share * 100:.0f}", value, "ms")


def _sent(load: Load) -> Load:
    """Raises SystemExit where a request failed."""
    if load.failures:
        raise SystemExit(f"{load.failures} requests failed: {load.answer[:500]!r}")
    return load


if __name__ == "__main__":
    main()
