"""What is wrong with a request, as HTTP says it."""


class RequestError(Exception):
    """The request is answered with `status` and the body `{"error": message}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad_request(message: str) -> RequestError:
    return RequestError(400, message)
