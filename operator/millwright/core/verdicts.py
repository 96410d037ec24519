"""Verdicts of gates, told: in the status while they are news, in tags of the version for good."""

import json
from collections.abc import Mapping, Sequence

from millwright.api.training_results import ScenarioStatus
from millwright.core.conditions import Fact
from millwright.core.gates import Verdict

TAG = "millwright.gates.verdicts"
# With as many gates as a spec may have, the tag stays below the 100,000 characters that MLflow takes.
MAX_MESSAGE = 450


def failures(verdicts: Sequence[Verdict]) -> str:
    """The messages of those that did not pass; empty: all did."""
    return "; ".join(v.message for v in verdicts if not v.passed)


def fact(verdicts: Sequence[Verdict]) -> Fact:
    """The condition GatesPassed. What did not pass is told first, as long messages are cut."""
    passed = sum(v.passed for v in verdicts)
    told = sorted(verdicts, key=lambda v: v.passed)
    message = ": ".join(filter(None, (f"{passed} of {len(verdicts)} gates passed", "; ".join(v.message for v in told))))
    if passed < len(verdicts):
        return Fact("GatesPassed", "False", "GatesFailed", message)
    return Fact("GatesPassed", "True", "GatesPassed", message)


def scenarios(verdicts: Sequence[Verdict]) -> tuple[ScenarioStatus, ...]:
    """Each scenario, in the order in which they were judged."""
    names = dict.fromkeys(v.scenario for v in verdicts if v.scenario)
    return tuple(_scenario(name, [v for v in verdicts if v.scenario == name]) for name in names)


def _scenario(name: str, its: Sequence[Verdict]) -> ScenarioStatus:
    message = "; ".join(v.message[:MAX_MESSAGE] for v in its)
    return ScenarioStatus(name=name, passed=all(v.passed for v in its), message=message)


def tag(verdicts: Sequence[Verdict]) -> str:
    """As the version that was registered for them keeps them: all had passed."""
    told = ({"scenario": v.scenario, "message": v.message[:MAX_MESSAGE]} for v in verdicts)
    return json.dumps([{k: text for k, text in entry.items() if text} for entry in told], ensure_ascii=False)


def read(tags: Mapping[str, str]) -> tuple[Verdict, ...]:
    """The verdicts that a version was registered for; none where it does not tell."""
    try:
        found = json.loads(tags.get(TAG, "[]"))
        return tuple(Verdict(True, "Passed", entry["message"], entry.get("scenario")) for entry in found)
    except (ValueError, TypeError, KeyError):
        return ()
