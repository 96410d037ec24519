"""Kubernetes quantities such as 500m or 2Gi, as exact numbers."""

import re
from collections.abc import Iterable
from decimal import Decimal

# The suffixes of k8s.io/apimachinery/pkg/api/resource: K alone is none, though kfp lets it pass.
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_FORM = re.compile(r"([0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:([eE][+-]?[0-9]{1,2})|([KMGTPE]i|[numkMGTPE])?)")


def parse(text: str) -> Decimal:
    """The number in base units (cores, bytes). Raises ValueError if it is no quantity, or negative."""
    match = _FORM.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no Kubernetes quantity; write it like 500m, 2 or 1.5Gi")
    number, exponent, suffix = match.groups(default="")
    if exponent:
        return Decimal(number + exponent)
    return Decimal(number) * (2 ** _BINARY[suffix] if suffix in _BINARY else Decimal(10) ** _DECIMAL[suffix])


def largest(quantities: Iterable[str]) -> str:
    """The largest of at least one quantity, as it was written."""
    return max(quantities, key=parse)
