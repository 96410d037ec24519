"""Parameters of a run against what its pipeline declares, before anything is started."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from millwright.core.ir import Pipeline

T = TypeVar("T")


class InvalidParameter(ValueError):
    """A parameter is unknown, missing or of a wrong type; the message names it."""


def arguments(pipeline: Pipeline, given: Mapping[str, Any]) -> dict[str, Any]:
    """What to run the pipeline with: `given` without nulls, converted where the meaning is unambiguous.

    Raises InvalidParameter for the first one that is wrong.
    """
    declared: Mapping[str, Any] = pipeline.spec["root"].get("inputDefinitions", {}).get("parameters", {})
    values = {name: value for name, value in given.items() if value is not None}
    if unknown := sorted(values.keys() - declared.keys()):
        known = ", ".join(sorted(declared)) or "no parameters"
        raise InvalidParameter(f"the pipeline has no parameter {unknown[0]}; it has {known}")
    if missing := sorted(name for name, it in declared.items() if name not in values and not _is_optional(it)):
        raise InvalidParameter(f"parameter {missing[0]} is missing, and the pipeline gives it no default")
    return {name: _convert(name, value, declared[name].get("parameterType", "")) for name, value in values.items()}


def _is_optional(declared: Mapping[str, Any]) -> bool:
    return bool(declared.get("isOptional")) or "defaultValue" in declared


def _convert(name: str, value: Any, kind: str) -> Any:
    convert, noun = CONVERSIONS.get(kind, (lambda it: it, "a value"))
    try:
        return convert(value)
    except (ValueError, TypeError) as error:
        raise InvalidParameter(f"parameter {name} must be {noun}, not {json.dumps(value)}") from error


def _string(value: Any) -> str:
    # YAML reads `train_months: 1` as a number; there is one way to write an integer, but several for 0.10 or yes.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _as(str, value)


def _integer(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+", value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return _as(int, value)


def _double(value: Any) -> float:
    number = float(value) if isinstance(value, str | int) and not isinstance(value, bool) else _as(float, value)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    return _as(bool, value)


def _list(value: Any) -> list[Any]:
    return _as(list, json.loads(value) if isinstance(value, str) else value)


def _struct(value: Any) -> dict[str, Any]:
    return _as(dict, json.loads(value) if isinstance(value, str) else value)


def _as(kind: type[T], value: Any) -> T:
    # bool is an int to Python, but not to anybody who writes `max_iter: true`.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"not {kind.__name__}")
    return value


CONVERSIONS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "STRING": (_string, "a string (quote it)"),
    "NUMBER_INTEGER": (_integer, "an integer"),
    "NUMBER_DOUBLE": (_double, "a number"),
    "BOOLEAN": (_boolean, "true or false"),
    "LIST": (_list, "a list"),
    "STRUCT": (_struct, "an object"),
}
