"""Objects in S3, in memory."""

from millwright.ports import RejectedError


class FakeObjects:
    """Implements ports.ObjectStore."""

    def __init__(self, contents: dict[str, bytes] | None = None, allowed: str = "s3://") -> None:
        self.contents: dict[str, bytes] = {} if contents is None else contents
        self._allowed = allowed

    async def get(self, uri: str, most_bytes: int) -> bytes | None:
        self._check(uri)
        return self.contents.get(uri)

    async def remove(self, folder: str) -> None:
        self._check(folder)
        for uri in [uri for uri in self.contents if uri.startswith(f"{folder}/")]:
            del self.contents[uri]

    def _check(self, uri: str) -> None:
        if not uri.startswith(self._allowed):
            raise RejectedError(f"{uri} is no plain name below a place that may be read here ({self._allowed})")
