"""A queue for quota, in memory. Runs are admitted when the test says so."""

from collections.abc import Sequence

from millwright.core.actions import Enqueue
from millwright.core.execution import Execution
from millwright.core.queueing import Admission, QueuePlace


class FakeQueues:
    """Implements ports.Queues."""

    def __init__(self) -> None:
        self.places: dict[str, QueuePlace] = {}
        self.entered: list[str] = []

    def say(self, place: QueuePlace) -> None:
        """To all that are in the queue."""
        self.places = dict.fromkeys(self.places, place)

    async def find(self, execution: Execution) -> QueuePlace | None:
        return self.places.get(execution.key)

    async def strays(self, execution: Execution) -> Sequence[str]:
        return sorted(self.places.keys() - {execution.key})

    async def enter(self, request: Enqueue) -> None:
        key = request.execution.key
        if key not in self.places:
            self.entered.append(key)
            self.places[key] = QueuePlace(
                request.spec.queue_name or "", Admission.WAITING, "no quota is left", position=2
            )

    async def leave(self, execution: Execution, key: str) -> None:
        self.places.pop(key, None)
