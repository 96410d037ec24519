"""What we make of the server's answers, as version 2.14.3 gives them."""

from pathlib import Path

import httpx
import pytest

from millwright.adapters.kubeflow_api import Absent, Credentials, KubeflowApi, WorkflowLost
from millwright.ports import DependencyError, RejectedError

MISSING_WORKFLOW = 'Failed to terminate workflow x due to patching error: workflows.argoproj.io "x" not found'


def server(status: int, answer: object) -> KubeflowApi:
    """An API whose server always answers so."""
    transport = httpx.MockTransport(lambda request: httpx.Response(status, json=answer))
    return KubeflowApi("http://kubeflow", Credentials(), transport)


@pytest.mark.parametrize(
    ("version", "known"), {"2.14.3": True, "v2.15.0": True, "3.0.0-dev": True, "": True, "1.8.5": False}.items()
)
async def test_a_major_version_that_nobody_tried_is_refused(version: str, known: bool) -> None:
    api = server(200, {"tag_name": version, "multi_user": True})
    if known:
        assert (await api.server()).multi_user
    else:
        with pytest.raises(RejectedError, match=r"version 1\.8\.5; .* major versions 2 and 3"):
            await api.server()


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    {
        "refused credentials are the platform's to mend": (401, {"message": "invalid token"}, DependencyError),
        "so are missing rights": (403, {"message": "not authorized"}, DependencyError),
        "a server that is down may come back": (503, {}, DependencyError),
        "a run that is gone is absent": (404, {"message": "Run not found"}, Absent),
        "a wrong request stays wrong": (400, {"message": "unknown parameter"}, RejectedError),
    }.values(),
)
async def test_answers_become_errors_that_say_who_can_help(status: int, answer: object, error: type) -> None:
    with pytest.raises(error):
        await server(status, answer).runs_named("flights", "r1")


async def test_a_pipeline_that_the_server_cannot_read_is_nobodys_outage() -> None:
    with pytest.raises(RejectedError, match="cannot read the pipeline"):
        await server(500, {"message": "unknown template format: pipeline spec is invalid"}).create_run({})


@pytest.mark.parametrize("status", [200, 400, 404])
async def test_terminating_what_has_ended_or_is_gone_is_fine(status: int) -> None:
    await server(status, {"message": "Row not found"}).terminate("r1")


async def test_a_run_whose_workflow_is_gone_cannot_be_terminated() -> None:
    with pytest.raises(WorkflowLost):
        await server(500, {"message": MISSING_WORKFLOW}).terminate("r1")


async def test_the_token_is_read_anew_for_each_request(tmp_path: Path) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200, json={})

    token = tmp_path / "token"
    api = KubeflowApi("http://kubeflow", Credentials(str(token)), httpx.MockTransport(answer))
    for text in ("one", "two"):
        token.write_text(text)
        await api.runs_named("flights", "r1")
    assert seen == ["Bearer one", "Bearer two"]
