"""A request's body as a JSON object."""

import re
from typing import Any

import orjson

from millwright_serving.errors import bad_request

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')


def parse_object(body: bytes) -> dict[str, Any]:
    """Raises RequestError (400) when `body` is not JSON, or not an object."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_request(_explain(body, error)) from error
    if type(value) is not dict:
        raise bad_request("the body must be a JSON object")
    return value


def _explain(body: bytes, error: orjson.JSONDecodeError) -> str:
    outside_strings = _STRING.sub(b"", body)
    if b"NaN" in outside_strings or b"Infinity" in outside_strings:
        return "NaN and Infinity are not valid JSON; send null for a missing value"
    return f"the body is not valid JSON: {error}"
