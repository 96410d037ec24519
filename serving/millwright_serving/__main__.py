"""`python -m millwright_serving`: serve the package that the environment names."""

import os
import signal
import sys
from types import FrameType


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(0)


if __name__ == "__main__":
    # In a pod this is process 1, which no unhandled signal ends, and the imports below take a second.
    signal.signal(signal.SIGTERM, _leave)
    from millwright_serving.server import main

    sys.exit(main())
