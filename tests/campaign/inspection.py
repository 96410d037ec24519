"""The final inspection: what is there, read past the proxies."""

import asyncio

from tests.campaign.api import Api
from tests.campaign.tracking import Tracking
from tests.campaign.verdict import OURS, Found

KINDS = ("trainingruns", "models", "modeldeployments", *OURS)


async def look(api: Api, mlflow: Tracking, namespace: str) -> Found:
    """A namespace, and what MLflow has of it."""
    lists = await asyncio.gather(*(api.items(kind, namespace) for kind in KINDS))
    named = [{body["metadata"]["name"]: body for body in bodies} for bodies in lists]
    objects = dict(zip(KINDS, named, strict=True))
    return Found(
        namespace,
        objects,
        await mlflow.runs(f"{namespace}/"),
        await mlflow.versions(f"{namespace}."),
        await mlflow.aliases(f"{namespace}."),
    )
