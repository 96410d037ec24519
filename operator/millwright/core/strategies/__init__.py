"""How one version replaces another: a strategy is a pure function from what is seen to the next step."""

from collections.abc import Mapping
from functools import partial

from millwright.core.strategies import recreate, rolling_update, stepped
from millwright.core.strategies.rollout import Strategy

STRATEGIES: Mapping[str, Strategy] = {
    "RollingUpdate": rolling_update.step,
    "Recreate": recreate.step,
    "Canary": partial(stepped.step, all_at_once=False),
    "BlueGreen": partial(stepped.step, all_at_once=True),
    "Shadow": partial(stepped.step, all_at_once=False),
    "Experiment": rolling_update.step,
}
