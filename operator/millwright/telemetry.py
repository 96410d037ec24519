"""Prometheus metrics of the operator."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter("millwright_reconciles", "Reconciles by kind and outcome.", ["kind", "outcome"])
RECONCILE_SECONDS = Histogram("millwright_reconcile_seconds", "Seconds that a reconcile takes.", ["kind"])
QUEUE_DEPTH = Gauge("millwright_queue_depth", "Objects that wait for a worker.", ["kind"])
LEADER = Gauge("millwright_leader", "1 where this replica leads, so that its queues are worked on, else 0.")
API_WRITES = Counter("millwright_api_writes", "Requests to the Kubernetes API that write.", ["method"])
EXECUTIONS = Counter(
    "millwright_executions",
    "Ended executions of TrainingRuns by outcome: Succeeded, or the reason of the failure.",
    ["namespace", "team", "model", "outcome"],
)
ROLLOUTS = Counter(
    "millwright_rollouts",
    "Ended roll-outs of Deployments by outcome: Promoted, or why the version was rejected.",
    ["namespace", "deployment", "outcome"],
)
COST = Counter(
    "millwright_cost", "Cost of ended executions, in the platform's currency.", ["namespace", "team", "model"]
)
SETTINGS_RELOAD_FAILURES = Counter(
    "millwright_settings_reload_failures", "Changed settings that were wrong, so that the last good ones stayed."
)
NODE_POOL_HOURLY_COST = Gauge(
    "millwright_node_pool_hourly_cost", "Cost of a pod that runs on the node pool for an hour.", ["pool", "currency"]
)
