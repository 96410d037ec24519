"""What the demo shows: predictions beside what happened, and the resources as kubectl prints them."""

import json
import urllib.request
from typing import Any

from sklearn.metrics import roc_auc_score

from demo.kube import RELEASE_NAMESPACE, get, kubectl, service_address
from demo.story import NAME, NAMESPACE
from flights.heldout import held_out

MONTH, ROWS, SHOWN = 12, 2000, 8
INTERESTING = ("carrier", "origin", "dest", "sched_dep_minute", "wind_speed")


def ask(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The served model's answer. Raises urllib.error.URLError."""
    url = f"http://{service_address(NAME, NAMESPACE)}/{path}"
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return dict(json.load(response))


def v2_request(split: dict[str, Any]) -> dict[str, Any]:
    """A V2 request with one input per column."""
    metadata = {i["name"]: i["datatype"] for i in _metadata()["inputs"]}
    columns = zip(split["columns"], zip(*split["data"], strict=True), strict=True)
    inputs = [
        {"name": name, "shape": [len(values)], "datatype": metadata[name], "data": list(values)}
        for name, values in columns
    ]
    return {"inputs": inputs}


def _metadata() -> dict[str, Any]:
    url = f"http://{service_address(NAME, NAMESPACE)}/v2/models/{NAME}"
    with urllib.request.urlopen(url, timeout=30) as response:
        return dict(json.load(response))


def predictions() -> None:
    """Real flights of a month that the model never saw: what it says, and what happened."""
    flights = held_out(month=MONTH, rows=ROWS)
    split, outcomes = flights["dataframe_split"], flights["outcomes"]
    answer = ask(f"v2/models/{NAME}/infer", v2_request(split))
    outputs = {o["name"]: o for o in answer["outputs"]}
    flat = outputs["probabilities"]["data"]
    late = [flat[2 * i + 1] for i in range(len(outcomes))]
    print(f"\nVersion {answer['model_version']} on flights of December 2013, which it has never seen:")
    chosen = [split["columns"].index(name) for name in INTERESTING]
    print("  " + "".join(f"{name:>18}" for name in INTERESTING) + "   P(late)   what happened")
    for row, probability, outcome in list(zip(split["data"], late, outcomes, strict=True))[:SHOWN]:
        values = "".join(f"{_plain(row[i]):>18}" for i in chosen)
        print(f"  {values}   {probability:7.3f}   {'late' if outcome else 'on time'}")
    print(f"  AUC over {len(outcomes)} flights: {roc_auc_score(outcomes, late):.3f}\n")


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def resources() -> None:
    """`kubectl get` as a user sees it, and where MLflow is."""
    print(kubectl("get", "trun,mmodel,mdep", "-n", NAMESPACE))
    model = get("models.millwright.dev", NAME, NAMESPACE) or {}
    print(f"MLflow in the cluster: {model.get('status', {}).get('registryURL')}")
    address = service_address("millwright-mlflow", RELEASE_NAMESPACE)
    print(
        f"       in a browser:  kubectl port-forward -n {RELEASE_NAMESPACE} svc/millwright-mlflow 5000:80 ({address})\n"
    )
