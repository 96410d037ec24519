"""What an app hosts, and where: routes, and the models behind them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from millwright_serving.responses import Header, Receive, Response, json_response

Scope = Mapping[str, Any]
Handler = Callable[[Scope, Receive], Awaitable[Response]]

VERSION_HEADER = b"x-millwright-model-version"


@dataclass(frozen=True, slots=True)
class Route:
    """How a path is answered, and to which method."""

    method: str
    handle: Handler


class Models(Protocol):
    """One model, or many."""

    @property
    def routes(self) -> Mapping[str, Route]:
        """By path; `find` knows more."""
        ...

    @property
    def headers(self) -> Sequence[Header]:
        """Of each answer."""
        ...

    @property
    def extensions(self) -> Sequence[str]:
        """Of V2, in its words, beside those that all have."""
        ...

    @property
    def loading(self) -> bool:
        """Whether a thread loads a model while others answer."""
        ...

    async def start(self) -> None:
        """Until it can answer. Raises PackageError or ListingError when it never will."""
        ...

    def check_ready(self) -> None:
        """Raises RequestError (503) while it cannot answer."""
        ...

    def find(self, path: str) -> Route:
        """Of a path that is in no table. Raises RequestError (404)."""
        ...


def get(answer: Callable[[], Response]) -> Route:
    """A route that is answered at once."""

    async def handle(scope: Scope, receive: Receive) -> Response:
        return answer()

    return Route("GET", handle)


def get_json(value: Callable[[], Any]) -> Route:
    """The same, with a value as JSON."""
    return get(lambda: json_response(value()))
