"""S3's trouble in a sentence that says what to correct; the packaging job tells the same.

Imported only where S3 is used: botocore is slow to import.
"""

from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

# versitygw's own word for an access key that it does not know is the last one.
_CREDENTIALS = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "XAdminUserNotFound"}
_SECRET = "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the storage Secret"  # noqa: S105


def explain(error: BaseException, uri: str) -> str:
    """What kept us from reading or writing `uri`, and what to do about it."""
    cause = _root(error)
    if isinstance(cause, NoCredentialsError):
        return f"{uri}: there are no credentials; {_SECRET}."
    if isinstance(cause, EndpointConnectionError):
        return f"{uri}: {cause.kwargs['endpoint_url'].split('?')[0]} does not answer; is AWS_ENDPOINT_URL right?"
    code, words = _answer(cause)
    if code == "NoSuchBucket":
        return f"{uri}: there is no bucket {uri.removeprefix('s3://').split('/')[0]}; make it, or name another."
    if code in _CREDENTIALS:
        return f"{uri}: the store refused the credentials ({code}: {words}); {_SECRET}."
    return f"{uri}: {cause}"


def _root(error: BaseException) -> BaseException:
    """boto3 wraps what a transfer ran into, without naming it as the cause."""
    inner = error.__context__
    return inner if isinstance(inner, ClientError) else error


def _answer(error: BaseException) -> tuple[str, str]:
    told = error.response.get("Error", {}) if isinstance(error, ClientError) else {}
    return told.get("Code", ""), told.get("Message", "").rstrip(".")
