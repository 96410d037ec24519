"""The table of verdicts, and the same as JSON."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from tests.campaign.rounds import Outcome
from tests.campaign.tally import Met, Tally, by_fault, by_story


def tell(folder: Path, about: Mapping[str, Any], outcomes: Sequence[Outcome], faults: Sequence[str]) -> None:
    """Prints it; writes `verdict.json` and, to look closer, `trace.json`."""
    met, stories = by_fault(outcomes), by_story(outcomes)
    for line in (*_fault_table(met), *_story_table(stories), *_rounds(outcomes), *_violations(about, faults)):
        print(line)
    verdict = {
        "about": dict(about) | {"at": datetime.now(UTC).isoformat(), "cores": os.cpu_count(), "load": os.getloadavg()},
        "faults": [asdict(one) for one in met],
        "stories": [asdict(one) for one in stories],
        "rounds": [_round(outcome) for outcome in outcomes],
        "violations": list(faults),
    }
    _write(folder / "verdict.json", verdict)
    _write(folder / "trace.json", [_trace(outcome) for outcome in outcomes])


def _write(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=1, default=str) + "\n")


def _fault_table(met: Sequence[Met]) -> list[str]:
    total = sum(one.count for one in met)
    rows = [f"  {one.target:<11} {one.what:<19} {one.count:>6}   {_verdict(one.wrong)}" for one in met]
    return [f"\nfaults injected: {total}", "  target      fault                times   objects that met it", *rows]


def _verdict(wrong: Sequence[str]) -> str:
    return f"WRONG: {', '.join(wrong)}" if wrong else "ok"


def _story_table(stories: Sequence[Tally]) -> list[str]:
    head = "  story        objects  executions  MLflow runs  launches  packagings  versions  writes  (most)  to MLflow"
    return ["\nTrainingRuns, by the ledger of what the servers did:", head, *map(_story, stories)]


def _story(one: Tally) -> str:
    counts = f"{one.executions:>10}  {one.mlflow_runs:>11}  {one.launches:>8}  {one.packagings:>10}  {one.versions:>8}"
    writes = f"{median(one.writes):>6.0f}  {max(one.writes):>6}  {median(one.mlflow_writes):>9.0f}"
    return f"  {one.kind:<12} {one.objects:>7}  {counts}  {writes}"


def _rounds(outcomes: Sequence[Outcome]) -> list[str]:
    return ["", *map(_told, outcomes)]


def _told(outcome: Outcome) -> str:
    after = " and ".join(f"{seconds:.0f}" for seconds in outcome.converged)
    return f"{outcome.namespace}: converged after {after} s, {outcome.starts} starts"


def _violations(about: Mapping[str, Any], faults: Sequence[str]) -> list[str]:
    told = " ".join(f"{name}={value}" for name, value in about.items())
    if not faults:
        return [f"no violation: {told}"]
    return [f"\n{len(faults)} VIOLATIONS; again with {told} make campaign", *(f"  {fault}" for fault in faults)]


def _round(outcome: Outcome) -> dict[str, Any]:
    return {"namespace": outcome.namespace, "converged": outcome.converged, "starts": outcome.starts}


def _trace(outcome: Outcome) -> dict[str, Any]:
    return {
        "namespace": outcome.namespace,
        "steps": [asdict(step) for step in outcome.steps],
        "injected": [asdict(injected) for injected in outcome.injected],
        "writes": [asdict(entry) for entry in outcome.entries if entry.call.role == "write"],
    }
