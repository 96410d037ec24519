"""Parameters against what the pipeline declares."""

from typing import Any

import pytest

from millwright.core.ir import Pipeline
from millwright.core.parameters import InvalidParameter, arguments

DECLARED = {
    "months": {"parameterType": "STRING"},
    "trees": {"parameterType": "NUMBER_INTEGER", "defaultValue": 10.0},
    "rate": {"parameterType": "NUMBER_DOUBLE", "isOptional": True},
    "deep": {"parameterType": "BOOLEAN", "isOptional": True},
    "columns": {"parameterType": "LIST", "isOptional": True},
    "by": {"parameterType": "STRUCT", "isOptional": True},
}
PIPELINE = Pipeline({"root": {"inputDefinitions": {"parameters": DECLARED}}})
MONTHS = {"months": "1-3"}


@pytest.mark.parametrize(
    ("given", "expected"),
    {
        "what is of its type stays": (MONTHS | {"trees": 5, "deep": True}, MONTHS | {"trees": 5, "deep": True}),
        "a number that YAML made of a text is a text again": ({"months": 1}, {"months": "1"}),
        "a whole number may be written as a text": (MONTHS | {"trees": " 5"}, MONTHS | {"trees": 5}),
        "a whole number may have a point": (MONTHS | {"trees": 5.0}, MONTHS | {"trees": 5}),
        "a number may be whole": (MONTHS | {"rate": 1}, MONTHS | {"rate": 1.0}),
        "a truth value may be a text": (MONTHS | {"deep": "False"}, MONTHS | {"deep": False}),
        "a list may be JSON": (MONTHS | {"columns": "[1]"}, MONTHS | {"columns": [1]}),
        "an object may be JSON": (MONTHS | {"by": '{"a": 1}'}, MONTHS | {"by": {"a": 1}}),
        "a null is left out": (MONTHS | {"trees": None}, MONTHS),
    }.values(),
)
def test_unambiguous_values_are_converted(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert arguments(PIPELINE, given) == expected


@pytest.mark.parametrize(
    ("given", "sentence"),
    {
        "unknown": (MONTHS | {"tree": 1}, "has no parameter tree; it has by, columns, deep, months, rate, trees"),
        "missing": ({}, "parameter months is missing, and the pipeline gives it no default"),
        "a text for a number": (MONTHS | {"trees": "many"}, 'trees must be an integer, not "many"'),
        "a truth value for a number": (MONTHS | {"trees": True}, "trees must be an integer, not true"),
        "a fraction for a text": ({"months": 0.1}, "months must be a string (quote it), not 0.1"),
        "no number": (MONTHS | {"rate": float("nan")}, "rate must be a number"),
        "no list": (MONTHS | {"columns": "a,b"}, "columns must be a list"),
    }.values(),
)
def test_a_wrong_parameter_is_named(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        arguments(PIPELINE, given)
    assert sentence in str(caught.value)


def test_a_pipeline_without_parameters_says_so() -> None:
    with pytest.raises(InvalidParameter, match="it has no parameters"):
        arguments(Pipeline({"root": {}}), {"a": 1})
