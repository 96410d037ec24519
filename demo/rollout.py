"""The second half of the demo: one parameter changes, version 2 rolls out, and a request loop sees no failure."""

import json

from demo import show, story
from demo.kube import get, service_address
from demo.requests import RequestLoop
from flights.heldout import held_out

MONTHS = {"1-3": "1-6", "1-6": "1-3"}


def second_version() -> list[str]:
    """Edits train_months, applies again, and waits. Returns the failures that clients saw: none."""
    run = get("trainingrun", story.NAME, story.NAMESPACE) or {}
    months = MONTHS[run["spec"]["parameters"]["train_months"]]
    print(f"Now train_months becomes {months}, and nothing else:")
    body = json.dumps(show.v2_request(held_out(month=7, rows=1)["dataframe_split"]))
    address = service_address(story.NAME, story.NAMESPACE)
    with RequestLoop(address, f"/v2/models/{story.NAME}/infer", body) as loop:
        story.apply({"train_months": months})
        story.wait()
    counts = ", ".join(f"{count} by version {version}" for version, count in loop.answered.items())
    print(f"\nRequests while it changed: {counts}; {len(loop.failures)} failed {loop.failures[:3] or ''}\n")
    return loop.failures
