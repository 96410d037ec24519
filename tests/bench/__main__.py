"""`make bench`: all benchmarks, one after the other, and what is reached; docs/benchmarks.md tells of each."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from demo.kube import RELEASE_NAMESPACE, get
from tests.bench import figures
from tests.cluster import kubeconfig_path


def _installed() -> bool:
    """Whether the platform is on this checkout's cluster."""
    try:
        return kubeconfig_path().exists() and get("deployment", "millwright-operator", RELEASE_NAMESPACE) is not None
    except subprocess.CalledProcessError:
        return False


def _has_kubeflow() -> bool:
    return bool(os.environ.get("KUBEFLOW")) and _installed()


def _has_gateway() -> bool:
    return bool(os.environ.get("GATEWAY")) and _installed()


@dataclass(frozen=True)
class Program:
    """A benchmark, and what must be there for it."""

    name: str
    needs: str = ""
    is_there: Callable[[], bool] = lambda: True


PROGRAMS = (
    Program("lifecycle"),
    Program("scale"),
    Program("serving"),
    Program("many"),
    Program("embedded", "make cluster images install", _installed),
    Program("shares", "make cluster images install GATEWAY=1, and GATEWAY=1 here", _has_gateway),
    Program("submission", "make cluster images install KUBEFLOW=1, and KUBEFLOW=1 here", _has_kubeflow),
)


def main() -> int:
    """The number of programs that failed."""
    failed = [program.name for program in PROGRAMS if not _run(program)]
    _summary()
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return len(failed)


def _run(program: Program) -> bool:
    """True also where it was left out."""
    print(f"\n{f' {program.name} ':=^100}", flush=True)
    figures.path(program.name).unlink(missing_ok=True)
    if not program.is_there():
        print(f"left out: it needs {program.needs}")
        return True
    return subprocess.run([sys.executable, "-m", f"tests.bench.{program.name}"]).returncode == 0


def _summary() -> None:
    """All figures for which docs/benchmarks.md wants something."""
    rows = [row for program in PROGRAMS for row in figures.read(program.name) if row.wanted]
    width = max((len(row.what) for row in rows), default=0)
    print(f"\n{' summary ':=^100}\n{'figure':<{width}}  {'measured':>9} {'':<12} {'wanted':<8} reached")
    for row in rows:
        answer = "yes" if row.reached else "NO"
        print(f"{row.what:<{width}}  {row.shown:>9} {row.unit:<12} {row.wanted:<8} {answer}")
    left_out = [program for program in PROGRAMS if not figures.path(program.name).exists()]
    for program in left_out:
        print(f"{program.name}: not measured")


if __name__ == "__main__":
    sys.exit(main())
