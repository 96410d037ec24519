"""Figures of a benchmark: a table for people, JSON for machines; and what a process has used."""

import json
import os
import resource
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / ".bench"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Figures:
    """Rows of (what, value, unit), in the order in which they came. `about`: what was asked for."""

    name: str
    about: dict[str, Any]
    rows: list[tuple[str, Any, str]] = field(default_factory=list)

    def add(self, what: str, value: Any, unit: str = "") -> None:
        """One row."""
        self.rows.append((what, value, unit))

    def write(self) -> None:
        """Prints the table, and writes `.bench/<name>.json`."""
        width = max(len(what) for what, _, _ in self.rows)
        print(f"\n{self.name}: {', '.join(f'{key} {value}' for key, value in self.about.items())}")
        for what, value, unit in self.rows:
            print(f"  {what:<{width}}  {_shown(value):>9} {unit}".rstrip())
        FOLDER.mkdir(exist_ok=True)
        rows = [{"what": what, "value": value, "unit": unit} for what, value, unit in self.rows]
        about = self.about | {"at": datetime.now(UTC).isoformat(), "cores": os.cpu_count(), "load": os.getloadavg()}
        (FOLDER / f"{self.name}.json").write_text(json.dumps({"about": about, "figures": rows}, indent=2) + "\n")


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 100 else f"{value:.0f}"


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
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid: int) -> float:
    """Memory that a process has now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:"))) / 1024
