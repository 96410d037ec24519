"""The ledger, counted by story: what was really done for each TrainingRun, by the servers' answers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.campaign.ledger import Entry, Injected
from tests.campaign.rounds import Outcome
from tests.campaign.story import Story
from tests.campaign.verdict import EXECUTION_TAG, tags

LAUNCH, PACKAGE, CREATED = "POST jobs pipeline", "POST jobs package", 201


@dataclass(frozen=True)
class Tally:
    """Of all TrainingRuns of one kind of story; `writes` and `mlflow_writes` by TrainingRun."""

    kind: str
    objects: int
    executions: int
    mlflow_runs: int
    launches: int
    packagings: int
    versions: int
    writes: Sequence[int]
    mlflow_writes: Sequence[int]


@dataclass(frozen=True)
class Met:
    """A kind of fault at a target: how often it came, and which objects it met that did not end as they must."""

    target: str
    what: str
    count: int
    wrong: Sequence[str]


def by_story(outcomes: Sequence[Outcome]) -> list[Tally]:
    """One for each kind, in the order of the stories."""
    kinds = dict.fromkeys(story.kind for outcome in outcomes for story in outcome.stories)
    return [_of_kind(kind, outcomes) for kind in kinds]


def _of_kind(kind: str, outcomes: Sequence[Outcome]) -> Tally:
    parts = [(story, outcome) for outcome in outcomes for story in outcome.stories if story.kind == kind]
    counted = [_of(story, outcome) for story, outcome in parts]
    total = sum(counted, Counter[str]())
    return Tally(
        kind,
        len(parts),
        executions=total["executions"],
        mlflow_runs=total["runs"],
        launches=total["launches"],
        packagings=total["packagings"],
        versions=total["versions"],
        writes=[count["writes"] for count in counted],
        mlflow_writes=[count["mlflow"] for count in counted],
    )


def _of(story: Story, outcome: Outcome) -> "Counter[str]":
    found = outcome.found
    assert found is not None
    keys = [key for run in found.runs if belongs(key := tags(run["data"]).get(EXECUTION_TAG, ""), story)]
    made = [v for v in found.versions if belongs(tags(v).get(EXECUTION_TAG, ""), story)]
    run_ids = {run["info"]["run_id"]: tags(run["data"]).get(EXECUTION_TAG, "") for run in found.runs}
    ours = [entry for entry in outcome.entries if entry.call.role == "write" and belongs(_about(entry, run_ids), story)]
    done = Counter(entry.call.kind for entry in ours if entry.status == CREATED)
    targets = Counter(entry.call.target for entry in ours)
    return Counter(
        {
            "executions": len(set(keys)),
            "runs": len(keys),
            "launches": done[LAUNCH],
            "packagings": done[PACKAGE],
            "versions": len(made),
            "writes": targets["kubernetes"],
            "mlflow": targets["mlflow"],
        }
    )


def by_fault(outcomes: Sequence[Outcome]) -> list[Met]:
    """One for each kind of fault at each target."""
    counts = Counter(_sort(injected) for outcome in outcomes for injected in outcome.injected)
    return [Met(*sort, count, sorted(_wrong(sort, outcomes))) for sort, count in sorted(counts.items())]


def _sort(injected: Injected) -> tuple[str, str]:
    return injected.call.target, injected.fault.what.value


def _wrong(sort: tuple[str, str], outcomes: Sequence[Outcome]) -> set[str]:
    return {
        story.name
        for outcome in outcomes
        for injected in outcome.injected
        for story in outcome.stories
        if _sort(injected) == sort and belongs(_last(injected.call.about), story)
        if any(story.name in fault for fault in outcome.faults)
    }


def belongs(name: str, story: Story) -> bool:
    """Whether an object or an execution of that name is the story's."""
    return name == story.name or name.startswith((f"{story.name}-", f"{story.name}."))


def _about(entry: Entry, run_ids: Mapping[str, str]) -> str:
    name = _last(entry.call.about)
    return run_ids.get(name, name)


def _last(about: str) -> str:
    return about.rpartition("/")[2]
