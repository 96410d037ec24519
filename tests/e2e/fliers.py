"""A team that has its models served behind the local cluster's Gateway, and rolled out step by step."""

from typing import Any

from tests.e2e.clients import Client, body
from tests.e2e.conftest import eventually
from tests.e2e.test_import import API, COEFFICIENTS, COLUMNS, INTERCEPT, Importers
from tests.serving import onnx_bytes

NAME = "delays"
STEPS = [{"setWeight": 20}, {"pause": {"seconds": 5}}, {"setWeight": 50}, {"pause": {"seconds": 5}}]
CANARY = {"type": "Canary", "steps": STEPS}
ERRORS = {"name": "error-rate", "max": 0.05}


class Fliers(Importers):
    """A team with one Deployment behind the Gateway."""

    @property
    def hostname(self) -> str:
        """Of the model, at the Gateway."""
        return f"{NAME}.{self.namespace}.example.org"

    def release(self, version: str, model: bytes) -> None:
        """Imports a model; the champion moves to it."""
        self.imports(NAME, uri=self.put(f"{version}.onnx", model))
        eventually(
            f"version {version} is registered", lambda: self.status("mmodel", NAME).get("latestVersion") == version
        )

    def release_good(self, version: str) -> None:
        """One that answers nearly as the others do."""
        self.release(version, onnx_bytes.classifier(COLUMNS, COEFFICIENTS * (1 + int(version) / 100), INTERCEPT))

    def deploys(self, **changes: Any) -> None:
        """Applies the Deployment with its strategy, what judges it, and changes of that (None: without)."""
        route = {"gateway": {"name": "public", "namespace": "gateways"}, "hostname": self.hostname}
        analysis = {"intervalSeconds": 5, "confidence": 0.9, "metrics": [ERRORS]}
        spec = {"model": {"name": NAME}, "replicas": 2, "route": route, "strategy": CANARY, "analysis": analysis}
        wanted = {name: value for name, value in (spec | changes).items() if value is not None}
        self.apply({"apiVersion": API, "kind": "Deployment", "metadata": {"name": NAME}, "spec": wanted})

    def client(self, *rows: list[float], rate: float) -> Client:
        """One that asks for one of these rows at a time."""
        return Client(self.hostname, f"/v2/models/{NAME}/infer", [body(COLUMNS, row) for row in rows], rate)

    def deployment(self) -> dict[str, Any]:
        """Its status."""
        return self.status("modeldeployment", NAME)

    def rejected(self, version: str) -> dict[str, Any]:
        """What is remembered of that version's roll-out, when it has failed."""
        found = self.deployment().get("rejectedVersion", {})
        return dict(found) if found.get("version") == version else {}
