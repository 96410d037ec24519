"""P8: what share of the requests a canary really gets, and whether any request fails while shares move.

On the installed cluster with its Gateway. A Deployment waits at 1, 10 and 50 percent for `COUNT` requests each, then
the candidate is promoted, and then rolled back, while a client goes on asking.
"""

import http.client
import time
from collections import Counter
from functools import partial
from typing import Any

from demo.kube import kubectl
from tests.bench.figures import Figures, number
from tests.e2e.clients import VERSION_HEADER, body, gateway_address
from tests.e2e.conftest import eventually
from tests.e2e.fliers import NAME, Fliers
from tests.e2e.test_import import COEFFICIENTS, COLUMNS, INTERCEPT
from tests.serving import onnx_bytes

SHARES = (1, 10, 50)
ROW = [1.0, 0.0]
MOST_PERCENTAGE_POINTS = 1.0


def main() -> None:
    """All shares, one after the other."""
    count = number("COUNT", 10_000)
    figures = Figures("shares", {"requests": count})
    team = Fliers(f"bench-shares-{int(time.time())}")
    try:
        _measure(team, figures, count)
    finally:
        kubectl("delete", "namespace", team.namespace, "--wait=false")
    figures.write()


def _measure(team: Fliers, figures: Figures, count: int) -> None:
    steps: list[dict[str, Any]] = []
    for share in SHARES:
        steps += [{"setWeight": share}, {"pause": {}}]
    strategy: dict[str, Any] = {"strategy": {"type": "Canary", "steps": steps}, "analysis": None}
    team.release("1", onnx_bytes.classifier(COLUMNS, COEFFICIENTS, INTERCEPT))
    team.deploys(**strategy)
    eventually("version 1 is served", lambda: team.serves("1", NAME))
    with team.client(ROW, rate=100) as client:
        team.release("2", onnx_bytes.classifier(COLUMNS, COEFFICIENTS * 1.01, INTERCEPT))
        for index, share in enumerate(SHARES):
            eventually(f"a share of {share} %", partial(_has_share, team, share))
            answered = _ask(team, count)
            error = abs(100 * answered["2"] / count - share)
            figures.add(f"P8 {share} %: off by", error, "percentage points", MOST_PERCENTAGE_POINTS)
            team.deploys(**strategy, rollout={"promote": {"version": "2", "step": 2 * index + 1}})
        eventually("version 2 is served", lambda: team.serves("2", NAME))
        team.deploys(**strategy, rollout={"abort": ["2"]})
        eventually("version 1 is served again", lambda: team.deployment()["stable"]["version"] == "1")
    figures.add("P8 failed requests through shares, promotion and rollback", client.answers.failures.total(), "", 0)
    figures.add("   answered requests meanwhile", client.answers.by_version.total())


def _has_share(team: Fliers, percent: int) -> bool:
    return bool(team.deployment().get("candidate", {}).get("weight") == percent)


def _ask(team: Fliers, count: int) -> Counter[str]:
    """Versions that answered so many requests over one connection. Raises AssertionError for a failed one."""
    connection, found = http.client.HTTPConnection(gateway_address(), timeout=10), Counter[str]()
    headers = {"Host": team.hostname, "Content-Type": "application/json"}
    content, path = body(COLUMNS, ROW), f"/v2/models/{NAME}/infer"
    for _ in range(count):
        connection.request("POST", path, content, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == http.client.OK, f"{answer.status}: a request failed"
        found[answer.headers[VERSION_HEADER]] += 1
    connection.close()
    return found


if __name__ == "__main__":
    main()
