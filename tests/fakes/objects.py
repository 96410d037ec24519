"""Objects in S3, in memory."""


class FakeObjects:
    """Implements ports.ObjectStore."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    async def get(self, uri: str, most_bytes: int) -> bytes | None:
        return self.contents.get(uri)
