"""A Kubernetes API over HTTP, as far as the plugin uses it, in front of the fake."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from tests.cli.fakes import RESOURCES, FakeCluster

from millwright_cli.core.errors import Conflict, NotFound, NotStarted
from millwright_cli.core.kinds import Manifest

PATH = re.compile(r"/apis?/(?P<api>[a-z.]*/?v\w+)/namespaces/(?P<namespace>[^/]+)/(?P<plural>[^/]+)(/(?P<name>.+))?")
STATUS = {NotFound: 404, Conflict: 409, NotStarted: 400}


class Api:
    """What the server has seen, and what it answers instead of the truth."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
        self.requests: list[tuple[str, str, dict[str, str], str]] = []
        self.answer: tuple[int, str] | None = None

    def handle(self, method: str, target: str, content_type: str, body: Manifest) -> tuple[int, str]:
        """Status and text of the answer."""
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.requests.append((method, url.path, query, content_type))
        if self.answer:
            return self.answer
        try:
            return 200, self._truth(method, url.path, query, body)
        except (NotFound, Conflict, NotStarted) as failure:
            return STATUS[type(failure)], json.dumps({"kind": "Status", "message": str(failure)})

    def _truth(self, method: str, path: str, query: dict[str, str], body: Manifest) -> str:
        found = PATH.fullmatch(path)
        kinds = {(kind.api_version, kind.plural): kind for kind in RESOURCES.values()}
        kind = kinds.get((found["api"], found["plural"])) if found else None
        if found is None or kind is None:
            raise NotFound("the server could not find the requested resource")
        namespace, name = found["namespace"], found["name"] or ""
        if name.endswith("/log"):
            lines = self.cluster.log(namespace, name.removesuffix("/log"), query["container"], "follow" in query)
            return "".join(f"{line}\n" for line in lines)
        return json.dumps(self._object(method, kind, namespace, name, query, body))

    def _object(
        self, method: str, kind: Any, namespace: str, name: str, query: dict[str, str], body: Manifest
    ) -> Manifest:
        if method == "POST":
            return {"metadata": {"name": self.cluster.create(kind, namespace, body)}}
        if method == "PATCH":
            self.cluster.patch(kind, namespace, name, body)
        if name:
            return self.cluster.get(kind, namespace, name)
        found = self.cluster.list(kind, namespace, query.get("labelSelector", ""))
        bare = [{part: item[part] for part in item if part not in ("apiVersion", "kind")} for item in found]
        return {"kind": f"{kind.kind}List", "items": bare}


@contextmanager
def serving(api: Api, folder: Path) -> Iterator[Path]:
    """Serves it. Yields a kubeconfig whose one context is `local`, of namespace flights."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or "{}")
            status, text = api.handle(self.command, self.path, self.headers.get("Content-Type", ""), body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_PATCH = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield kubeconfig(folder, f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def kubeconfig(folder: Path, url: str) -> Path:
    """A kubeconfig for that address."""
    context = {"cluster": "local", "user": "me", "namespace": "flights"}
    made = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": {"token": "secret"}}],
        "contexts": [{"name": "local", "context": context}, {"name": "bare", "context": context | {"namespace": ""}}],
        "current-context": "local",
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(made))
    return file
