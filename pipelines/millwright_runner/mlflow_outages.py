"""Whether MLflow is down or refuses us: then it is no fault of the run, and what was asked is tried again."""

from collections.abc import Iterator

from mlflow.exceptions import MlflowException
from requests.exceptions import RequestException

UNAVAILABLE = "MlflowUnavailable"
# MLflow's client says INTERNAL_ERROR where the server, or the store of artifacts, did not answer.
MAY_BE_MENDED = {
    "CUSTOMER_UNAUTHORIZED",
    "INTERNAL_ERROR",
    "PERMISSION_DENIED",
    "REQUEST_LIMIT_EXCEEDED",
    "TEMPORARILY_UNAVAILABLE",
    "UNAUTHENTICATED",
}


def reason(error: BaseException) -> str | None:
    """MlflowUnavailable where that is behind the error, else None."""
    return UNAVAILABLE if any(map(_is_mlflows, _chain(error))) else None


def _is_mlflows(error: BaseException) -> bool:
    if isinstance(error, MlflowException):
        return error.error_code in MAY_BE_MENDED
    return isinstance(error, RequestException)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
