"""How many pods a Deployment asks for, and the HorizontalPodAutoscaler that decides it through /scale."""

from millwright.api.common import API_VERSION
from millwright.api.deployment import Autoscaling, DeploymentSpec
from millwright.core import children
from millwright.core.children import Manifest
from millwright.core.execution import ObjectKey


def replicas(spec: DeploymentSpec) -> int:
    """Pods of the version that serves. Never outside of the autoscaler's bounds, but for 0, at which it rests."""
    bounds = spec.autoscaling
    if bounds is None or spec.replicas == 0:
        return spec.replicas
    return min(max(spec.replicas, bounds.min_replicas), bounds.max_replicas)


def manifest(key: ObjectKey, uid: str, bounds: Autoscaling) -> Manifest:
    """The HorizontalPodAutoscaler. It scales the Deployment itself: whatever version serves has as many pods."""
    target = {"type": "Utilization", "averageUtilization": bounds.target_cpu_utilization_percentage}
    return children.stamped(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": children.metadata(key, uid, key.name, children.labels(key)),
            "spec": {
                "scaleTargetRef": {"apiVersion": API_VERSION, "kind": "Deployment", "name": key.name},
                "minReplicas": bounds.min_replicas,
                "maxReplicas": bounds.max_replicas,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            },
        }
    )
