"""The demo itself, on an installed platform: `python -m demo`. Runs in the runner-dev environment."""

import sys

from demo import rollout, show, story


def main() -> int:
    """Apply, wait, ask, change, and see nothing fail. Returns 0 when everything did what it should."""
    story.prepare()
    story.apply({})
    story.wait()
    show.predictions()
    show.resources()
    failures = rollout.second_version()
    show.resources()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
