"""The environment of a placed step: what the pipeline's author wrote, and what the platform adds.

The author may set a variable in the container, or from a Secret, a ConfigMap or a pod field in the platform document,
where the later ones win. A variable of ours that must hold is therefore taken away from all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
OURS = ("MLFLOW_", "MILLWRIGHT_")
KEYED = ("secretAsEnv", "configMapAsEnv")


@dataclass(frozen=True)
class SecretEnvironment:
    """Keys of a Secret that become environment variables of the same names. All must be there for a pod to start."""

    secret: str
    keys: tuple[str, ...]


def plain(written: Iterable[Json], config: Json, ours: Mapping[str, str]) -> list[Json]:
    """The container's `env`. The author's value of a variable stays, unless the variable is ours to set."""
    variables = {entry["name"]: entry for entry in written}
    elsewhere = _names(config)
    for name, value in ours.items():
        if name.startswith(OURS) or (name not in variables and name not in elsewhere):
            variables[name] = {"name": name, "value": value}
    return list(variables.values())


def sources(
    written: Iterable[Json], config: Json, ours: Mapping[str, str], secrets: Iterable[SecretEnvironment]
) -> dict[str, list[Json]]:
    """The fields of the platform document that set variables from elsewhere."""
    reserved = {name for name in ours if name.startswith(OURS)}
    found: dict[str, list[Json]] = {field: _without(config.get(field) or [], reserved) for field in KEYED}
    found["fieldPathAsEnv"] = [e for e in config.get("fieldPathAsEnv") or [] if e.get("name") not in reserved]
    taken = {entry["name"] for entry in written} | set(ours) | _names(config)
    for secret in secrets:
        keys = [{"secretKey": key, "envVar": key} for key in secret.keys if key not in taken]
        if keys:
            found["secretAsEnv"].append({"secretName": secret.secret, "keyToEnv": keys})
    return found


def _names(config: Json) -> set[str]:
    keyed = {key["envVar"] for field in KEYED for entry in config.get(field) or [] for key in entry.get("keyToEnv", [])}
    return keyed | {entry["name"] for entry in config.get("fieldPathAsEnv") or []}


def _without(entries: Iterable[Json], reserved: set[str]) -> list[Json]:
    kept = [{**e, "keyToEnv": [k for k in e.get("keyToEnv", []) if k["envVar"] not in reserved]} for e in entries]
    return [entry for entry in kept if entry["keyToEnv"]]
