"""`make campaign`: rounds of a seed, a table of verdicts, and JSON below `.bench/campaign/`."""

import asyncio
import os
import sys
from dataclasses import fields

from tests.bench.figures import FOLDER
from tests.campaign.run import Size, campaign


def main() -> None:
    """SEED, ROUNDS, RUNS, MINUTES and PATIENCE (seconds) are of the environment."""
    given = {field.name: os.environ.get(field.name.upper()) for field in fields(Size)}
    numbers = {name: float(text) if name == "minutes" else int(text) for name, text in given.items() if text}
    if asyncio.run(campaign(Size(**numbers), FOLDER / "campaign")):  # type: ignore[arg-type]
        sys.exit(1)


if __name__ == "__main__":
    main()
