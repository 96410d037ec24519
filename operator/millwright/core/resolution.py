"""Which model version a Deployment is to serve: by the alias it follows, or the version it stays on."""

from collections.abc import Iterable

from millwright.api.deployment import DEFAULT_ALIAS, ModelReference, ServedVersion
from millwright.api.model import ModelSpec, ModelStatus
from millwright.core.aliases import approved
from millwright.core.execution import ObjectKey
from millwright.core.model_state import registered_name
from millwright.core.registry import RegisteredVersion
from millwright.core.serving_pod import Target
from millwright.core.training_state import Missing


def number(reference: ModelReference, status: ModelStatus) -> str | Missing:
    """The version's number, as far as the Model's status tells."""
    if reference.version is not None:
        return reference.version
    alias = reference.alias or DEFAULT_ALIAS
    return status.aliases.get(alias) or Missing(
        "AliasNotSet", f"alias {alias} of Model {reference.name} points to no version yet"
    )


def recorded(
    model: str, number: str, served: Iterable[ServedVersion | None], status: ModelStatus
) -> RegisteredVersion | None:
    """The version as a Deployment knows it from serving it, so that it can do without the registry.

    None: it does not know it, or the Model lists another package under that number, since it was made anew.
    """
    known = (s for s in served if s is not None and s.package_uri and (s.model, s.version) == (model, number))
    found = next(known, None)
    if found is None:
        return None
    listed = next((version.digest for version in status.versions if version.version == number), found.digest)
    if listed != found.digest:
        return None
    gates = {"millwright.gates": "Passed"} if found.gates_passed else {}
    tags = {"millwright.package": found.package_uri, "millwright.digest": found.digest} | gates
    return RegisteredVersion(number, tags=tags)


def target(
    model: ObjectKey,
    spec: ModelSpec,
    versions: Iterable[RegisteredVersion],
    wanted: str,
    pinned: bool,
    has_runtime: bool = False,
) -> Target | Missing:
    """The version's package, or why it is not served.

    Whoever names an alias has decided what it means: `Latest` is for challengers, `External` is moved by people.
    A version that is written down (`pinned`) has only the approval to tell that it may be used. `has_runtime`: the
    Deployment names a server for what the platform's cannot load.
    """
    name, known = registered_name(model, spec), tuple(versions)
    found = next((version for version in known if version.number == wanted), None)
    if found is None:
        return Missing("VersionNotFound", f"{name} has no version {wanted} in the registry")
    uri, digest = found.tags.get("millwright.package"), found.tags.get("millwright.digest")
    if not uri or not digest:
        return Missing(
            "VersionNotPackaged",
            f"version {wanted} of {name} was made neither by a TrainingRun nor by an import",
            final=True,
        )
    if pinned and found not in approved(spec, known):
        return _not_approved(model, found)
    if found.tags.get("millwright.format") == "mlflow" and not has_runtime:
        message = f"version {wanted} of {name} is an MLflow model that the platform's own server cannot load"
        return Missing("RuntimeNeeded", f"{message}: set spec.runtime, for example to {{type: MLflow}}", final=True)
    return Target(model.name, wanted, uri, digest, spec.allow_pickle, found.passed)


def _not_approved(model: ObjectKey, version: RegisteredVersion) -> Missing:
    which = f"version {version.number} of Model {model.name}"
    if not version.passed:
        return Missing("NotApproved", f"{which} has not passed its gates", final=True)
    return Missing("NotApproved", f"{which} waits for approval: add it to the Model's spec.approval.approvedVersions")
