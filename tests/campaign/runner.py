"""What the runner image does in a pod, as far as operator and MLflow see it: docs/contracts.md, without any training.

How a run ends is told by its parameters: `ends`, one word for each attempt (the last for all that follow), and `auc`.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.campaign.api import Api, Manifest
from tests.campaign.tracking import Tracking, pairs

STEP_LABEL = "millwright.dev/step"
UID_LABEL = "millwright.dev/training-run-uid"
EXECUTION_LABEL = "millwright.dev/execution"
IR = """
pipelineInfo: {name: played}
deploymentSpec:
  executors:
    exec-train: {container: {image: "played", command: [python, -m, kfp.dsl.executor_main]}}
root:
  dag: {tasks: {train: {}}}
  inputDefinitions:
    parameters:
      ends: {parameterType: STRING, isOptional: true}
      packaging: {parameterType: STRING, isOptional: true}
      auc: {parameterType: NUMBER_DOUBLE, isOptional: true}
      mark: {parameterType: STRING, isOptional: true}
"""


@dataclass(frozen=True)
class Ended:
    """How a pod's container ended. `words`: its termination message."""

    exit_code: int = 0
    words: Mapping[str, Any] = field(default_factory=dict)
    evicted: bool = False


class Runner:
    """Plays `millwright_runner`'s two commands. `objects`: a boto3 client of S3."""

    def __init__(self, api: Api, mlflow: Tracking, objects: Any) -> None:
        self._api = api
        self._mlflow = mlflow
        self._objects = objects

    async def play(self, pod: Manifest, random: Random) -> Ended:
        """One pod's work, to its end."""
        namespace, container = pod["metadata"]["namespace"], pod["spec"]["containers"][0]
        execution = pod["metadata"]["labels"][EXECUTION_LABEL]
        variables = {v["name"]: v.get("value", "") for v in container["env"]}
        copy = await self._api.get("configmaps", namespace, execution) or {}
        files: dict[str, str] = copy.get("data", {})
        run = await self._mlflow.run(variables["MLFLOW_RUN_ID"])
        if pod["metadata"]["labels"][STEP_LABEL] == "package":
            destination = container["args"][container["args"].index("--destination") + 1]
            return await self._package(run, destination, files, random)
        return await self._run(run, json.loads(files["parameters.json"]), random)

    async def _run(self, run: dict[str, Any], parameters: Mapping[str, Any], random: Random) -> Ended:
        run_id, attempt = run["info"]["run_id"], int(pairs(run, "tags")["millwright.attempt"])
        ends = str(parameters.get("ends") or "ok").split(",")
        end = ends[min(attempt, len(ends)) - 1]
        await self._mlflow.log(run_id, {}, {"millwright.tasks": json.dumps([_task("Running")])})
        await asyncio.sleep(600 if end == "never" else random.uniform(0.3, 2.5))
        if end == "evicted":
            return Ended(137, evicted=True)
        if end == "fail":
            words = {
                "outcome": "Failed",
                "task": "train",
                "exitCode": 1,
                "reason": "Error",
                "message": "as it was told",
            }
            return Ended(1, words | {"tasks": [_task("Failed")]})
        await self._mlflow.log(run_id, {"auc": float(parameters.get("auc") or 0.9)}, {})
        if end == "closes":  # as `with mlflow.start_run():` does at its end
            await self._mlflow.call("POST", "runs/update", {"run_id": run_id, "status": "FINISHED"})
        return Ended(0, {"outcome": "Succeeded", "tasks": [_task("Succeeded")]})

    async def _package(self, run: dict[str, Any], destination: str, files: Mapping[str, str], random: Random) -> Ended:
        await asyncio.sleep(random.uniform(0.2, 1.5))
        parameters = json.loads(files.get("parameters.json", "{}"))
        if parameters.get("packaging") == "fail":
            words = {"outcome": "Failed", "reason": "ConversionMismatch", "message": "as it was told"}
            return Ended(1, words)
        for name, text in files.items():
            await self._store(f"{destination}.replay/{name}", text)
        package = {
            "uri": destination,
            "digest": _digest(destination),
            "format": "onnx",
            "modelId": await self._model(run),
        }
        await self._mlflow.log(run["info"]["run_id"], {}, {"millwright.package": json.dumps(package)})
        return Ended(0, {"outcome": "Succeeded", "package": package})

    async def _model(self, run: dict[str, Any]) -> str:
        """A logged model, as training code leaves it."""
        info = run["info"]
        body = {"experiment_id": info["experiment_id"], "name": "model", "source_run_id": info["run_id"]}
        answer = await self._mlflow.call("POST", "logged-models", body)
        model_id: str = answer["model"]["info"]["model_id"]
        ready = {"model_id": model_id, "status": "LOGGED_MODEL_READY"}
        await self._mlflow.call("PATCH", f"logged-models/{model_id}", ready)
        return model_id

    async def _store(self, uri: str, text: str) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        await asyncio.to_thread(self._objects.put_object, Bucket=bucket, Key=key, Body=text.encode())


def _task(state: str) -> dict[str, str]:
    return {"name": "train", "state": state}


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
