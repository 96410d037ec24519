"""What approve makes of a Model's spec."""

from millwright_cli.core.errors import Failure
from millwright_cli.core.kinds import Manifest


def approve(body: Manifest, version: str) -> Manifest:
    """The spec with one more approved version. Raises Failure where that would approve nothing."""
    name, spec = body["metadata"]["name"], body["spec"]
    found = _version(body, version)
    approval = spec.get("approval") or {}
    named = approval.get("approvedVersions") or []
    if version in named or found.get("approved"):
        return dict(spec)
    if not _passed_gates(found):
        raise Failure(
            f"version {version} of {name} was registered by hand: only a version that a TrainingRun or an import "
            "made, and that passed its gates, can be approved"
        )
    if approval.get("policy") != "Manual":
        raise Failure(
            f"Model {name} approves by itself (approval.policy: Automatic), and has not approved version {version}; "
            "to decide yourself, set spec.approval.policy to Manual"
        )
    return {**spec, "approval": {**approval, "approvedVersions": [*named, version]}}


def _version(body: Manifest, version: str) -> Manifest:
    """What the status says of it. Raises Failure."""
    name, status = body["metadata"]["name"], body.get("status") or {}
    known: list[Manifest] = status.get("versions") or []
    found = next((entry for entry in known if entry["version"] == version), None)
    if found is None:
        listed = ", ".join(entry["version"] for entry in known) or "none yet"
        raise Failure(
            f"Model {name} tells of no version {version} (the newest are: {listed}); an older one is approved by "
            "adding it to spec.approval.approvedVersions by hand"
        )
    return found


def _passed_gates(found: Manifest) -> bool:
    """Runs and imports register nothing that did not pass, and say who they are and what they packaged."""
    return any(found.get(field) for field in ("trainingRun", "importedFrom", "digest"))
