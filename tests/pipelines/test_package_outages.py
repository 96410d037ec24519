"""Packaging while something is down: that has a name, by which it is known to be worth trying again."""

import socket

import pytest
from mlflow.exceptions import MlflowException, RestException
from requests.exceptions import ConnectTimeout

from millwright_runner import mlflow_outages
from millwright_runner.package import package


@pytest.fixture
def nowhere() -> str:
    """The address of a server that is not there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_an_mlflow_that_is_down_is_named(run, tmp_path, monkeypatch, nowhere):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", nowhere)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    import mlflow

    mlflow.set_tracking_uri(nowhere)

    outcome = package(str(tmp_path / "package"), allow_pickle=False)

    assert (outcome.outcome, outcome.reason) == ("Failed", "MlflowUnavailable")
    assert nowhere.removeprefix("http://").partition(":")[2] in outcome.message


def test_an_s3_that_is_down_is_named(run, monkeypatch, nowhere):
    for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "ENDPOINT_URL": nowhere}.items():
        monkeypatch.setenv(f"AWS_{name}", value)

    outcome = package("s3://models/flights/k-1", allow_pickle=False)

    assert (outcome.outcome, outcome.reason) == ("Failed", "StorageUnavailable")
    assert outcome.message.startswith(f"Could not read s3://models/flights/k-1: {nowhere}/")


def wrapped(inner: Exception) -> Exception:
    """As libraries do it, who raise one of their own while they handle another."""
    try:
        try:
            raise inner
        except Exception:
            raise ValueError("while reading")  # noqa: B904
    except ValueError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "reason"),
    {
        "MLflow's client has got no answer": (MlflowException("API request failed"), "MlflowUnavailable"),
        "MLflow wants another login": (RestException({"error_code": "UNAUTHENTICATED"}), "MlflowUnavailable"),
        "MLflow does not know what was asked for": (RestException({"error_code": "RESOURCE_DOES_NOT_EXIST"}), None),
        "no connection": (ConnectTimeout("5 s"), "MlflowUnavailable"),
        "no connection, said by another": (wrapped(ConnectTimeout("5 s")), "MlflowUnavailable"),
        "something else": (ValueError("no rows"), None),
    }.values(),
)
def test_what_is_mlflow_s_outage(error, reason):
    assert mlflow_outages.reason(error) == reason
