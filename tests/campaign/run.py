"""A campaign: the parts, the operator, and rounds one after the other."""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.campaign.parts import parts
from tests.campaign.report import tell
from tests.campaign.rounds import Outcome, Round, log_faults


@dataclass(frozen=True)
class Size:
    """`minutes`: of faults in a round. `patience`: seconds in which all must have converged after the last fault."""

    seed: int = 1
    rounds: int = 2
    runs: int = 40
    minutes: float = 3
    patience: int = 75


async def campaign(size: Size, folder: Path) -> list[str]:
    """Plays and prints; what is needed to look closer is in the folder. Returns what does not hold."""
    _empty(folder)
    outcomes: list[Outcome] = []
    async with parts(folder) as started, started.supervisor.running():
        for index in range(size.rounds):
            seed, span = f"{size.seed}/{index}", size.minutes * 60
            outcomes.append(await Round(started, seed, size.runs, span, size.patience).play())
        faults = [fault for outcome in outcomes for fault in outcome.faults]
        faults += [*started.supervisor.exits, *log_faults(started.supervisor.log)]
    tell(folder, {name.upper(): value for name, value in asdict(size).items()}, outcomes, faults)
    return faults


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
