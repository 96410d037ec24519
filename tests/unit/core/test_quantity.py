"""Kubernetes quantities."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from millwright.core import quantity

FORMS = st.tuples(
    st.decimals(min_value=0, max_value=10**9, places=3).map(lambda n: f"{n:f}"),
    st.sampled_from(["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]),
).map("".join)


@given(FORMS)
def test_a_quantity_means_what_the_kubernetes_client_says_it_means(text: str) -> None:
    assert quantity.parse(text) == parse_quantity(text)  # type: ignore[no-untyped-call]


def test_a_quantity_with_an_exponent_is_read() -> None:
    assert quantity.parse("2e3") == Decimal(2000)


@pytest.mark.parametrize("text", ["", "-1", "1 Gi", "2GB", "512K", "Gi", "1.2.3", "nan", "٣", "1\n"])
def test_what_kubernetes_would_refuse_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        quantity.parse(text)


def test_the_largest_quantity_is_found_across_units() -> None:
    assert quantity.largest(["900Mi", "1Gi", "1G"]) == "1Gi"
