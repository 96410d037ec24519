"""How verdicts are told, and kept with the version."""

from millwright.api.gates import MAX_GATES, MAX_GATES_OF_A_SCENARIO, MAX_SCENARIOS
from millwright.core import verdicts
from millwright.core.gates import Verdict

MLFLOW_TAKES = 100_000
GOOD = Verdict(True, "Passed", "roc_auc >= 0.6 holds: roc_auc is 0.7")
NIGHT = Verdict(True, "Passed", "roc_auc/night >= 0.5 holds: roc_auc/night is 0.6", "night")
BAD = Verdict(False, "ThresholdMissed", "loss/night <= 0.1 does not hold: loss/night is 0.2", "night")


def test_what_did_not_pass_is_told_first() -> None:
    told = verdicts.fact((GOOD, NIGHT, BAD))
    assert (told.status, told.reason) == ("False", "GatesFailed")
    assert told.message == f"2 of 3 gates passed: {BAD.message}; {GOOD.message}; {NIGHT.message}"
    assert verdicts.failures((GOOD, NIGHT, BAD)) == BAD.message


def test_a_run_without_gates_has_passed_them_all() -> None:
    assert verdicts.fact(()).message == "0 of 0 gates passed"
    assert verdicts.fact(()).status == "True"


def test_a_scenario_passes_when_all_its_gates_do() -> None:
    (night,) = verdicts.scenarios((GOOD, NIGHT, BAD))
    assert (night.name, night.passed) == ("night", False)
    assert night.message == f"{NIGHT.message}; {BAD.message}"


def test_a_version_tells_what_it_was_registered_for() -> None:
    assert verdicts.read({verdicts.TAG: verdicts.tag((GOOD, NIGHT))}) == (GOOD, NIGHT)


def test_a_version_that_tells_something_else_tells_nothing() -> None:
    for text in ("", "7", "[7]", '[{"scenario": "night"}]', "{"):
        assert verdicts.read({verdicts.TAG: text}) == ()
    assert verdicts.read({}) == ()


def test_the_longest_verdicts_are_a_tag_that_mlflow_takes() -> None:
    longest = Verdict(True, "Passed", "ü" * 1000, "n" * 63)
    assert len(verdicts.tag([longest] * (MAX_GATES + MAX_SCENARIOS * MAX_GATES_OF_A_SCENARIO))) < MLFLOW_TAKES
