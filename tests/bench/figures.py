"""Figures of a benchmark: a table for people, JSON for machines; and what a process has used."""

import json
import os
import resource
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / ".bench"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figure:
    """One row. `most`, `least`: what docs/benchmarks.md wants it to reach, where it wants something."""

    what: str
    value: float
    unit: str = ""
    most: float | None = None
    least: float | None = None

    @property
    def wanted(self) -> str:
        """`≤ 200`, `≥ 0.7`, or nothing."""
        if self.most is not None:
            return f"≤ {self.most:g}"
        return f"≥ {self.least:g}" if self.least is not None else ""

    @property
    def reached(self) -> bool:
        """Whether it is as wanted."""
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    @property
    def shown(self) -> str:
        """The value."""
        return shown(self.value)


@dataclass
class Figures:
    """Of one program, in the order in which they came. `about`: what was asked for."""

    name: str
    about: dict[str, Any]
    rows: list[Figure] = field(default_factory=list)

    def add(
        self, what: str, value: float, unit: str = "", most: float | None = None, least: float | None = None
    ) -> None:
        """One row."""
        self.rows.append(Figure(what, value, unit, most, least))

    def write(self) -> None:
        """Prints the table, and writes `.bench/<name>.json`."""
        width = max(len(row.what) for row in self.rows)
        print(f"\n{self.name}: {', '.join(f'{key} {value}' for key, value in self.about.items())}")
        for row in self.rows:
            print(f"  {row.what:<{width}}  {row.shown:>9} {row.unit:<12} {row.wanted}".rstrip())
        FOLDER.mkdir(exist_ok=True)
        rows = [asdict(row) for row in self.rows]
        about = self.about | {"at": datetime.now(UTC).isoformat(), "cores": os.cpu_count(), "load": os.getloadavg()}
        path(self.name).write_text(json.dumps({"about": about, "figures": rows}, indent=2) + "\n")


def shown(value: float) -> str:
    """In as many digits as mean something."""
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def path(name: str) -> Path:
    """Where the figures of a program are."""
    return FOLDER / f"{name}.json"


def read(name: str) -> list[Figure]:
    """What a program wrote last; nothing where it wrote nothing."""
    found = json.loads(path(name).read_text())["figures"] if path(name).exists() else []
    return [Figure(**row) for row in found]


def number(name: str, default: int) -> int:
    """A parameter from the environment."""
    return int(os.environ.get(name) or default)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not below that share of all."""
    return sorted(values)[max(0, -(-int(share * 100) * len(values) // 100) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return float(statistics.median(values))


def own_cpu_seconds() -> float:
    """User and system time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def own_peak_mib() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    parents = {int(path.name): _parent(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _parent(pid: int) -> int:
    try:
        return int(_stat(pid)[1])
    except OSError:  # it has ended meanwhile
        return 0


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the state on: the name before it may have blanks."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def resident_mib(pid: int) -> float:
    """Memory that a process has now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:"))) / 1024
