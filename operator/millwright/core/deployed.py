"""Which Deployments serve which versions of a Model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from millwright.api.model import DeployedBy
from millwright.core.registry import RegisteredVersion

# As in the Deployment's status: what the traffic goes to, and what is on its way to replace it.
ROLES = ("stable", "candidate")


@dataclass(frozen=True)
class Served:
    """A version that a Deployment serves. `role`: one of ROLES, or arm, of an experiment."""

    role: str
    version: str
    digest: str


@dataclass(frozen=True)
class Server:
    """A Deployment, as far as a Model needs to know it. `pinned`: the version that it stays on."""

    name: str
    model: str
    pinned: str | None = None
    served: tuple[Served, ...] = ()


def deployed_by(model: str, versions: Iterable[RegisteredVersion], servers: Sequence[Server]) -> tuple[DeployedBy, ...]:
    """By name, the stable version first.

    A Deployment that was told to serve another Model serves the old one's version until the other's answers: what it
    serves is told by the digest, and by the name only where the version is not in the registry any more.
    """
    digests = {version.number: version.tags.get("millwright.digest") for version in versions}
    return tuple(
        DeployedBy(name=server.name, version=served.version, role=served.role)
        for server in sorted(servers, key=lambda server: server.name)
        for served in server.served
        if (digests[served.version] == served.digest if served.version in digests else server.model == model)
    )
