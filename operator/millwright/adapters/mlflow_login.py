"""Who the operator is to MLflow: the variables of MLflow's own client, as files of a mounted Secret.

https://mlflow.org/docs/latest/self-hosting/security/basic-http-auth/
"""

import base64
from collections.abc import Generator
from pathlib import Path

import httpx

USERNAME, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
TOKEN = "MLFLOW_TRACKING_TOKEN"  # noqa: S105


class MlflowLogin(httpx.Auth):
    """Read at each request: a Secret that is put right needs no restart. Without the files, nobody is named."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        header = self._header()
        if header:
            request.headers["Authorization"] = header
        yield request

    def _header(self) -> str:
        """As MLflow's client: a password goes before a token."""
        username, password, token = (self._text(name) for name in (USERNAME, PASSWORD, TOKEN))
        if username and password:
            return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
        return f"Bearer {token}" if token else ""

    def _text(self, name: str) -> str:
        try:
            return (self._folder / name).read_text().strip() if self._folder else ""
        except OSError:
            return ""
