"""Which objects a Model wakes."""

from typing import Any

import kopf
import pytest

from millwright.core.execution import ObjectKey
from millwright.handlers import Watches, configure, has_result

MODEL = ObjectKey("flights", "arr-delay")
FIRST, SECOND = ObjectKey("flights", "first"), ObjectKey("flights", "second")


def training_run(generation: int, observed: int, succeeded: str) -> dict[str, Any]:
    """As it comes with an event."""
    status = {"observedGeneration": observed, "conditions": [{"type": "Succeeded", "status": succeeded}]}
    return {"metadata": {"generation": generation}, "status": status}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"metadata": {"generation": 1}}, False, id="nobody has looked at it"),
        pytest.param(training_run(1, 1, "Unknown"), False, id="under way"),
        pytest.param(training_run(1, 1, "True"), True, id="succeeded"),
        pytest.param(training_run(1, 1, "False"), True, id="failed"),
        pytest.param(training_run(2, 1, "True"), False, id="the result is that of an earlier spec"),
    ],
)
def test_a_training_run_has_its_result_when_the_status_speaks_of_this_spec(
    body: dict[str, Any], expected: bool
) -> None:
    assert has_result(body) is expected


def test_an_api_server_that_fails_or_says_nothing_is_asked_again_soon_and_for_long() -> None:
    settings = kopf.OperatorSettings()
    configure(settings)
    waits = settings.networking.error_backoffs
    assert isinstance(waits, tuple) and max(waits) <= 8 and sum(waits) >= 600
    assert settings.watching.server_timeout is not None
    assert settings.watching.server_timeout < settings.watching.inactivity_timeout < 60
    assert settings.networking.request_timeout is not None and settings.networking.request_timeout < 60


def test_a_model_wakes_what_names_it_until_that_is_forgotten() -> None:
    watches = Watches()
    watches.learn("TrainingRun", FIRST, MODEL.name)
    watches.learn("TrainingRun", SECOND, MODEL.name)
    watches.learn("TrainingRun", FIRST, None)
    assert watches.users("TrainingRun", MODEL) == [SECOND]
