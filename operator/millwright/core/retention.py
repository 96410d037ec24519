"""Retention: which versions a Model lets go, and which packages go with them."""

import re
from collections.abc import Sequence

from millwright.api.training_run import TrainingRunStatus
from millwright.core.actions import DeleteVersion
from millwright.core.aliases import passed
from millwright.core.model_state import ModelObserved, registered_name
from millwright.core.registry import RegisteredVersion

# Each takes some calls, and other Models wait for the worker.
AT_A_TIME = 20


def expired(observed: ModelObserved) -> tuple[RegisteredVersion, ...]:
    """Versions that nothing keeps, oldest first. What people registered by hand neither counts nor goes."""
    retention = observed.spec.retention
    if retention is None:
        return ()
    kept = _kept(observed)
    return tuple(v for v in passed(observed.versions)[: -retention.keep_versions] if v.number not in kept)


def _kept(observed: ModelObserved) -> set[str]:
    """Versions that somebody needs, however old they are."""
    named = (server.pinned for server in observed.servers if server.model == observed.key.name)
    return {
        *observed.spec.approval.approved_versions,
        *(observed.registered.aliases.values() if observed.registered else ()),
        *(deployed.version for deployed in observed.deployed_by),
        *(version for version in named if version is not None),
        *observed.unreported,
    }


def is_reported(version: RegisteredVersion, maker: TrainingRunStatus | None) -> bool:
    """Whether the TrainingRun that made the version knows that. Before, it would look for it and make it again."""
    if maker is None or maker.execution != version.tags.get("millwright.execution"):
        return True
    return maker.model_version is not None


def deletions(observed: ModelObserved, versions: Sequence[RegisteredVersion]) -> tuple[DeleteVersion, ...]:
    """The first of these versions go; the next look deletes others."""
    return tuple(_deletion(observed, version) for version in versions[:AT_A_TIME])


def _deletion(observed: ModelObserved, version: RegisteredVersion) -> DeleteVersion:
    """Its package goes with it where that lies among those of this Model: tags can be changed by people."""
    package = version.tags.get("millwright.package", "")
    own = re.fullmatch(re.escape(f"{observed.packages}/") + r"[a-zA-Z0-9][a-zA-Z0-9.-]*", package)
    name = registered_name(observed.key, observed.spec)
    return DeleteVersion(name, version.number, package if own else None)
