"""P7: one-row requests to our server, to KServe's SDK server and to `mlflow models serve`.

The same models, the same row, over connections that stay open: one, and 16. CPU is that of the server's processes. All
servers of a model are up at once and are asked in turn, `ROUNDS` times `COUNT` requests each.
"""

import asyncio
import json
import os
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench import servers
from tests.bench.figures import Figures, median, number, percentile
from tests.bench.load import Load, send
from tests.bench.servers import Kind, Server

CONNECTIONS = (1, 16)
WARM_UP = 200
MODELS_PROGRAM = "tests.bench.serving_models"
MOST_CPU_US = 100.0
MOST_OF = {"KServe": 1 / 3, "MLflow": 1 / 8}
MOST_DIFFERENCE = 1e-6


@dataclass(frozen=True)
class Turn:
    """One server's part of a round."""

    cpu_us: float
    load: Load

    @property
    def milliseconds(self) -> list[float]:
        """From a request to its answer."""
        return [seconds * 1000 for seconds in self.load.latencies]


def main() -> None:
    """All models, one after the other."""
    count, rounds = number("COUNT", 3000), number("ROUNDS", 3)
    kinds = (servers.OURS, servers.kserve(_environment("KSERVE_ENV")), servers.mlflow(_environment("MLFLOW_ENV")))
    figures = Figures("serving", {"requests": count, "rounds": rounds})
    with tempfile.TemporaryDirectory(prefix="millwright-bench-") as name:
        command = [os.environ["RUNNER_PYTHON"], "-m", MODELS_PROGRAM, name]
        subprocess.run(command, check=True, env=os.environ | servers.ONE_THREAD)
        worst = max(_model(figures, kinds, folder, count, rounds) for folder in sorted(Path(name).iterdir()))
    figures.add("P7 largest difference of a prediction from MLflow's", worst, most=MOST_DIFFERENCE)
    figures.write()
    if worst > MOST_DIFFERENCE:
        raise SystemExit(f"predictions differ by {worst:g}")


def _environment(variable: str) -> Path:
    path = Path(os.environ.get(variable, ""))
    if not (path / "bin" / "python").exists():
        raise SystemExit(f"{variable} must name an environment of requirements/; `make bench` sets it")
    return path


def _model(figures: Figures, kinds: tuple[Kind, ...], folder: Path, count: int, rounds: int) -> float:
    """Returns the largest difference between the servers' answers."""
    with ExitStack() as stack:
        running = [stack.enter_context(servers.serving(kind, folder)) for kind in kinds]
        answers = {server.kind.name: _answer(server) for server in running}
        for connections in CONNECTIONS:
            turns = _turns(running, connections, count, rounds)
            _tell(figures, f"{folder.name}, {connections} connections", turns)
        for server in running:
            figures.add(f"   {folder.name}: {server.kind.name}: RSS", server.resident_mib(), "MiB")
    expected = answers["MLflow"]
    return max(abs(a - b) for given in answers.values() for a, b in zip(given, expected, strict=True))


def _answer(server: Server) -> list[float]:
    """What it predicts, after some requests to warm it up."""
    load = asyncio.run(send(server.request, WARM_UP, 1))
    if load.failures:
        raise SystemExit(f"{server.kind.name} answers {load.answer[:500]!r}")
    return server.kind.answer(json.loads(load.answer))


def _turns(running: list[Server], connections: int, count: int, rounds: int) -> dict[str, list[Turn]]:
    turns: dict[str, list[Turn]] = {server.kind.name: [] for server in running}
    for _ in range(rounds):
        for server in running:
            before = server.cpu_seconds()
            load = asyncio.run(send(server.request, count, connections))
            if load.failures:
                raise SystemExit(f"{server.kind.name} failed {load.failures} of {count}: {load.answer[:500]!r}")
            turns[server.kind.name].append(Turn((server.cpu_seconds() - before) * 1e6 / count, load))
    return turns


def _tell(figures: Figures, what: str, turns: dict[str, list[Turn]]) -> None:
    cpu = {name: median([turn.cpu_us for turn in of_one]) for name, of_one in turns.items()}
    for name, of_one in turns.items():
        most = MOST_CPU_US if name == servers.OURS.name else None
        figures.add(f"P7 {what}: {name}: CPU", cpu[name], "µs/request", most)
        figures.add("      p50", median([percentile(turn.milliseconds, 0.5) for turn in of_one]), "ms")
        figures.add("      p99", median([percentile(turn.milliseconds, 0.99) for turn in of_one]), "ms")
        figures.add("      requests", median([len(turn.load.latencies) / turn.load.seconds for turn in of_one]), "/s")
    for name, most in MOST_OF.items():
        ratio = cpu[servers.OURS.name] / cpu[name]
        figures.add(f"P7 {what}: CPU, Millwright / {name}", ratio, most=round(most, 3))


if __name__ == "__main__":
    main()
