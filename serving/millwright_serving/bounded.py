"""A queue from the event loop to one thread. It never grows past its bounds, and never makes the loop wait."""

from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")


class BoundedQueue(Generic[Item]):
    """Offered to by one thread, taken from by one other: each counts for itself, so they need no lock."""

    def __init__(self, most_items: int, most_bytes: int) -> None:
        self._most_items, self._most_bytes = most_items, most_bytes
        self._queue: SimpleQueue[tuple[Item, int]] = SimpleQueue()
        self._bytes_offered = 0
        self._bytes_taken = 0

    def offer(self, item: Item, size: int) -> bool:
        """False where there is no room for an item of `size` bytes: it is dropped."""
        waiting = self._bytes_offered - self._bytes_taken
        if self._queue.qsize() >= self._most_items or waiting + size > self._most_bytes:
            return False
        self._bytes_offered += size
        self._queue.put((item, size))
        return True

    def take(self, timeout: float | None = None) -> Item | None:
        """The next item; None where none came for `timeout` seconds."""
        try:
            item, size = self._queue.get(timeout=timeout)
        except Empty:
            return None
        self._bytes_taken += size
        return item
