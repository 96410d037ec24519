"""P7: one-row requests to our server, to KServe's SDK server, to MLServer and to `mlflow models serve`.

The same models, the same row, over connections that stay open: one, 16, and 64. CPU and memory are those of the
server's processes. All servers of a model are up at once and are asked in turn, `ROUNDS` times `COUNT` requests each,
or as many as it answers in `SECONDS`. Each row of the table is printed when it is measured.
"""

import asyncio
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import inf
from pathlib import Path

from tests.bench import servers
from tests.bench.figures import Figures, median, number, percentile, shown
from tests.bench.load import Load, send
from tests.bench.servers import Kind, Server

CONNECTIONS = (1, 16, 64)
WARM_UP = 200
MODELS_PROGRAM = "tests.bench.serving_models"
MOST_CPU_US = 100.0
MOST_OF = {"KServe": 1 / 3, "MLflow": 1 / 8}
MOST_DIFFERENCE = 1e-6


@dataclass(frozen=True)
class Plan:
    """How often each server is asked: in so many rounds so many times, for no more than so many seconds."""

    count: int
    rounds: int
    seconds: int


@dataclass(frozen=True)
class Turn:
    """One server's part of a round."""

    cpu_us: float
    load: Load

    def milliseconds(self, share: float) -> float:
        """Within which so many of the requests were answered."""
        return 1000 * percentile(self.load.latencies, share)

    @property
    def per_second(self) -> float:
        """Requests."""
        return len(self.load.latencies) / self.load.seconds


@dataclass(frozen=True)
class Cell:
    """One server, one model, so many connections: medians of the rounds, and memory after them."""

    cpu_us: float
    p50_ms: float
    p99_ms: float
    per_second: float
    resident_mib: float

    @property
    def shown(self) -> str:
        """In a table for people."""
        times = f"{shown(self.cpu_us)} µs, {shown(self.p50_ms)}, {shown(self.p99_ms)} ms"
        return f"{times}, {shown(self.resident_mib)} MiB"


def main() -> None:
    """All models, one after the other."""
    plan = Plan(number("COUNT", 3000), number("ROUNDS", 3), number("SECONDS", 4))
    kinds = (
        servers.OURS,
        servers.kserve(_environment("KSERVE_ENV")),
        servers.mlserver(_environment("MLSERVER_ENV")),
        servers.mlflow(_environment("MLFLOW_ENV")),
    )
    figures = Figures("serving", {"requests": plan.count, "rounds": plan.rounds, "seconds": plan.seconds})
    with tempfile.TemporaryDirectory(prefix="millwright-bench-") as name:
        command = [os.environ["RUNNER_PYTHON"], "-m", MODELS_PROGRAM, name]
        subprocess.run(command, check=True, env=os.environ | servers.ONE_THREAD)
        _print_title([kind.name for kind in kinds])
        worst = max(_model(figures, kinds, folder, plan) for folder in sorted(Path(name).iterdir()))
    figures.add("P7 largest difference of a prediction from MLflow's", worst, most=MOST_DIFFERENCE)
    figures.write()
    if worst > MOST_DIFFERENCE:
        raise SystemExit(f"predictions differ by {worst:g}")


def _environment(variable: str) -> Path:
    path = Path(os.environ.get(variable, ""))
    if not (path / "bin" / "python").exists():
        raise SystemExit(f"{variable} must name an environment of requirements/; `make bench` sets it")
    return path


def _model(figures: Figures, kinds: Sequence[Kind], folder: Path, plan: Plan) -> float:
    """Returns the largest difference between the servers' answers."""
    with ExitStack() as stack:
        running = [stack.enter_context(servers.serving(kind, folder)) for kind in kinds]
        answers = {server.kind.name: _answer(server) for server in running}
        for connections in CONNECTIONS:
            what, cells = f"{folder.name}, {connections}", _cells(running, connections, plan)
            _print_row([what, *(cell.shown for cell in cells.values()), *map(shown, _ratios(cells).values())])
            _tell(figures, what, cells)
    expected = answers["MLflow"]
    return max(abs(a - b) for given in answers.values() for a, b in zip(given, expected, strict=True))


def _answer(server: Server) -> list[float]:
    """What it predicts, after some requests to warm it up."""
    return server.kind.answer(json.loads(_sent(server, WARM_UP, 1).answer))


def _sent(server: Server, count: int, connections: int, seconds: float = inf) -> Load:
    """Raises SystemExit where a request failed."""
    load = asyncio.run(send(server.request, count, connections, seconds))
    if load.failures:
        raise SystemExit(f"{server.kind.name} failed {load.failures} of {count}: {load.answer[:500]!r}")
    return load


def _cells(running: Sequence[Server], connections: int, plan: Plan) -> dict[str, Cell]:
    """By server."""
    rounds = [[_turn(server, connections, plan) for server in running] for _ in range(plan.rounds)]
    return {server.kind.name: _cell(server, turns) for server, *turns in zip(running, *rounds, strict=True)}


def _turn(server: Server, connections: int, plan: Plan) -> Turn:
    before = server.cpu_seconds()
    load = _sent(server, plan.count, connections, plan.seconds)
    return Turn((server.cpu_seconds() - before) * 1e6 / len(load.latencies), load)


def _cell(server: Server, turns: Sequence[Turn]) -> Cell:
    return Cell(
        cpu_us=median([turn.cpu_us for turn in turns]),
        p50_ms=median([turn.milliseconds(0.5) for turn in turns]),
        p99_ms=median([turn.milliseconds(0.99) for turn in turns]),
        per_second=median([turn.per_second for turn in turns]),
        resident_mib=server.resident_mib(),
    )


def _ratios(cells: dict[str, Cell]) -> dict[str, float]:
    """Our CPU by another server's."""
    ours = cells[servers.OURS.name].cpu_us
    return {name: ours / cell.cpu_us for name, cell in cells.items() if name != servers.OURS.name}


def _tell(figures: Figures, what: str, cells: dict[str, Cell]) -> None:
    for name, cell in cells.items():
        most = MOST_CPU_US if name == servers.OURS.name else None
        figures.add(f"P7 {what} connections: {name}: CPU", cell.cpu_us, "µs/request", most)
        figures.add("      p50", cell.p50_ms, "ms")
        figures.add("      p99", cell.p99_ms, "ms")
        figures.add("      requests", cell.per_second, "/s")
        figures.add("      RSS", cell.resident_mib, "MiB")
    for name, ratio in _ratios(cells).items():
        most = round(MOST_OF[name], 3) if name in MOST_OF else None
        figures.add(f"P7 {what} connections: CPU, Millwright / {name}", ratio, most=most)


def _print_title(names: Sequence[str]) -> None:
    print("CPU per request, p50, p99, RSS; then the CPU of ours by theirs:\n")
    _print_row(["Model, connections", *names, *(f"/ {name}" for name in names[1:])])
    _print_row(["---"] * 2 * len(names))


def _print_row(cells: Sequence[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
