"""A version as a Deployment has it on record, made from what is to be served, and read back as that."""

from datetime import datetime

from millwright.api.deployment import DeploymentStatus, ServedVersion
from millwright.core.serving_pod import Target


def served(target: Target, version_set: str, now: datetime) -> ServedVersion:
    """The record of a version whose pods are asked for from now on."""
    return ServedVersion(
        version=target.version,
        version_set=version_set,
        digest=target.digest,
        since=now,
        model=target.model,
        package_uri=target.package_uri,
        gates_passed=target.gates_passed,
        allow_pickle=target.allow_pickle,
    )


def target(version: ServedVersion) -> Target:
    """What the record says is to be served."""
    return Target(
        version.model, version.version, version.package_uri, version.digest, version.allow_pickle, version.gates_passed
    )


def plain(version: ServedVersion) -> ServedVersion:
    """Without what only a version on its way, or an arm, has."""
    return ServedVersion.model_validate({name: getattr(version, name) for name in ServedVersion.model_fields})


def changed(status: DeploymentStatus, drains: bool, now: datetime, **fields: object) -> DeploymentStatus:
    """The status with other fields; where what had requests is gone from them, its pods drain from now on."""
    return status.model_copy(update=fields | ({"draining_since": now} if drains else {}))
