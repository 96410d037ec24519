"""Requests as far as faults and the ledger depend on them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

STEP_LABEL = "millwright.dev/step"
MLFLOW_API = "/api/2.0/mlflow/"
MLFLOW_QUESTIONS = ("runs/search",)  # asked by POST
EXECUTION = re.compile(r"[a-z][a-z0-9-]*-[0-9a-f]{10}\b")


class Role(StrEnum):
    """How a request touches what is behind the proxy."""

    READ = "read"
    LIST = "list"
    WATCH = "watch"
    WRITE = "write"


@dataclass(frozen=True)
class Call:
    """`kind`: the same for calls that do the same to different objects. `about`: what they do it to."""

    target: str
    kind: str
    role: Role
    about: str = ""


def kubernetes(method: str, path: str, query: Mapping[str, str], body: bytes) -> Call:
    """A call of the Kubernetes API."""
    below, plural, name, subresource = _parts(path)
    sent = _document(body) if method == "POST" else {}
    name = name or sent.get("metadata", {}).get("name", "")
    step = sent.get("metadata", {}).get("labels", {}).get(STEP_LABEL, "")
    words = ("/".join(filter(None, (plural, subresource))), step)
    role = _role(method, path, name, query)
    verb = {Role.LIST: "LIST", Role.WATCH: "WATCH"}.get(role, method)
    return Call("kubernetes", " ".join((verb, *filter(None, words))), role, f"{below}/{name}" if name else below)


def _role(method: str, path: str, name: str, query: Mapping[str, str]) -> Role:
    if method != "GET":
        return Role.WRITE
    if query.get("watch") == "true":
        return Role.WATCH
    return Role.READ if name or path.count("/") <= 3 else Role.LIST


def _parts(path: str) -> tuple[str, str, str, str]:
    """Namespace, plural, name and subresource; empty where there is none."""
    words = path.strip("/").split("/")
    rest = words[2:] if words[0] == "api" else words[3:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource, *_ = (*rest, "", "", "")
    return namespace, plural or path, name, subresource


def mlflow(method: str, path: str, query: Mapping[str, str], body: bytes) -> Call:
    """A call of MLflow's REST API; about an execution where it names one, else about its run's ID."""
    what = path.removeprefix(MLFLOW_API)
    role = Role.READ if method == "GET" or what in MLFLOW_QUESTIONS else Role.WRITE
    text = body.decode(errors="replace")
    named = EXECUTION.search(text)
    about = named[0] if named else str(_document(body).get("run_id", ""))
    return Call("mlflow", f"{method} {what}", role, about)


def s3(method: str, path: str, query: Mapping[str, str], body: bytes) -> Call:
    """A call of the S3 gateway."""
    role = Role.READ if method in ("GET", "HEAD") else Role.WRITE
    return Call("s3", f"{method} {path.strip('/').split('/')[0]}", role, path)


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
