"""What a step of a compiled pipeline asks for: its image, compute resources and accelerator."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from millwright.core import quantity

RESOURCES = ("cpu", "memory")
# What kfp calls executors of these images has no container: its driver does the work itself.
NO_CONTAINER = "argostub/"


@dataclass(frozen=True)
class Accelerator:
    """A step's wish for an accelerator. None: a parameter of the pipeline decides when it runs."""

    resource: str | None
    count: int | None


@dataclass(frozen=True)
class Step:
    """One step. `requests` and `limits`: quantities or kfp placeholders of `cpu` and `memory`."""

    name: str
    image: str
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    accelerator: Accelerator | None = None

    def says(self, resource: str) -> bool:
        """Whether the pipeline's author wrote anything about `cpu` or `memory`."""
        return resource in self.requests or resource in self.limits


def is_placeholder(text: str) -> bool:
    """Whether kfp puts a parameter's value here when the step starts."""
    return "{{" in text


def read(name: str, container: Mapping[str, Any]) -> Step:
    """The step whose container spec this is. Raises ValueError, with a sentence, if a demand cannot be read."""
    resources = container.get("resources") or {}
    return Step(
        name=name,
        image=str(container.get("image", "")),
        requests=_amounts(name, resources, "Request"),
        limits=_amounts(name, resources, "Limit"),
        accelerator=_accelerator(name, resources.get("accelerator") or {}),
    )


def _amounts(name: str, resources: Mapping[str, Any], kind: str) -> dict[str, str]:
    found = {resource: _amount(resources, resource, kind) for resource in RESOURCES}
    for resource, text in found.items():
        if text and not is_placeholder(text):
            _check(f"step {name}, {resource} {kind.lower()}", text)
    return {resource: text for resource, text in found.items() if text}


def _amount(resources: Mapping[str, Any], resource: str, kind: str) -> str:
    """As KFP's driver reads it: the newer text field, else the number, which is in cores or in GB."""
    text = resources.get(f"resource{resource.capitalize()}{kind}")
    if text:
        return str(text)
    number = resources.get(f"{resource}{kind}") or 0
    return f"{Decimal(str(number)):f}{'G' if resource == 'memory' else ''}" if number else ""


def _check(where: str, text: str) -> None:
    try:
        quantity.parse(text)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _accelerator(name: str, wish: Mapping[str, Any]) -> Accelerator | None:
    resource = str(wish.get("resourceType") or wish.get("type") or "")
    count = str(wish.get("resourceCount") or wish.get("count") or "")
    if not resource or count in ("", "0"):
        return None
    if not is_placeholder(count) and not count.isdecimal():
        raise ValueError(f"step {name}: accelerator count {count!r} is no whole number")
    return Accelerator(
        None if is_placeholder(resource) else resource,
        None if is_placeholder(count) else int(count),
    )
