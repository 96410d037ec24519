"""What Prometheus is asked: counters of one version set's pods, and people's own PromQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from millwright.api.analysis import Analysis
from millwright.api.deployment import ServedVersion
from millwright.core.analysis.drift import PREDICTIONS
from millwright.core.analysis.metrics import DRIFT, share
from millwright.core.execution import ObjectKey


@dataclass(frozen=True)
class Versions:
    """The version sets that are compared, of one Deployment."""

    namespace: str
    deployment: str
    candidate: str
    stable: str


def counters(analysis: Analysis) -> frozenset[str]:
    """Names of the servers' counters that the metrics read."""
    shares = (share(metric) for metric in analysis.metrics)
    drift = {PREDICTIONS} if any(m.name == DRIFT and m.query is None for m in analysis.metrics) else set()
    return frozenset(one.counter for one in shares if one is not None) | drift


def selector(counter: str, namespace: str, version_set: str) -> str:
    """The counter's series of the set's pods, by their names, which any scrape configuration keeps."""
    return f'{counter}{{namespace="{namespace}",pod=~"{_pods(version_set)}"}}'


def filled(query: str, versions: Versions, interval: timedelta) -> str:
    """People's PromQL with the names of this roll-out."""
    names = {
        "namespace": versions.namespace,
        "deployment": versions.deployment,
        "version_set": versions.candidate,
        "stable_version_set": versions.stable,
        "interval": f"{interval.total_seconds():.0f}s",
    }
    return _with(query, names)


def of_version(query: str, key: ObjectKey, version: ServedVersion) -> str:
    """People's PromQL for counters of one version."""
    names = {
        "namespace": key.namespace,
        "deployment": key.name,
        "version": version.version,
        "version_set": version.version_set,
        "pods": _pods(version.version_set),
    }
    return _with(query, names)


def _with(query: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        query = query.replace(f"{{{{{name}}}}}", value)
    return query


def _pods(version_set: str) -> str:
    """Regular expression of the names of a version set's pods."""
    return f"{version_set}-[a-z0-9]+-[a-z0-9]+"
