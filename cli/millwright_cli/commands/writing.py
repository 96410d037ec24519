"""How specs are changed: read, edit, patch what was read; again where somebody else was faster."""

from collections.abc import Callable
from dataclasses import dataclass

from millwright_cli.core import editing, gitops
from millwright_cli.core.editing import Change
from millwright_cli.core.errors import Conflict, Unavailable
from millwright_cli.core.gitops import Manager
from millwright_cli.core.kinds import Kind, Manifest
from millwright_cli.session import Session
from millwright_cli.views import changes

Edit = Callable[[Manifest], Manifest]
ATTEMPTS = 5


@dataclass(frozen=True)
class Written:
    """What was changed. `repository`: what the repository of a GitOps tool should say; None where there is none."""

    kind: str
    namespace: str
    name: str
    changes: tuple[Change, ...]
    managed_by: Manager | None
    repository: Manifest | None


def edit(session: Session, kind: Kind, name: str, wanted: Edit) -> None:
    """Changes the spec to what `wanted` makes of the object, and says so. Raises Failure."""
    written = _written(session, kind, name, wanted)
    session.show(written, changes.told(kind.kind, name, written.changes))
    if written.managed_by and written.repository and not session.as_json:
        session.note(changes.warning(written.managed_by, written.repository))


def _written(session: Session, kind: Kind, name: str, wanted: Edit) -> Written:
    for _ in range(ATTEMPTS):
        body = session.cluster.get(kind, session.namespace, name)
        spec = wanted(body)
        patch = editing.merge_patch(body["spec"], spec)
        if not patch:
            return Written(kind.kind, session.namespace, name, (), None, None)
        try:
            version = {"resourceVersion": body["metadata"]["resourceVersion"]}
            session.cluster.patch(kind, session.namespace, name, {"metadata": version, "spec": patch})
        except Conflict:
            continue
        manager = gitops.manager(body)
        repository = gitops.for_the_repository(body, spec) if manager else None
        changed = editing.changes(body["spec"], spec)
        return Written(kind.kind, session.namespace, name, changed, manager, repository)
    raise Unavailable(f"{kind.kind} {name} changes all the time: nothing was written; try again")
