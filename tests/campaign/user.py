"""Users: what stories and scene say, done past the proxy, at its time."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from tests.campaign.api import Api
from tests.campaign.story import Step
from tests.contract.waiting import until

SECONDS = 60
ENDS = ("Succeeded", "Failed")
DEPLOYMENT_LABEL = "millwright.dev/deployment"


async def play(api: Api, namespace: str, steps: Iterable[Step], patience: float = SECONDS) -> list[str]:
    """All steps; those of one object one after the other. Gives what could not be made, in sentences.

    What is made again waits until the one before has gone: `patience` seconds, as the operator may be kept from it.
    """
    by_object: dict[tuple[str, str], list[Step]] = {}
    for step in sorted(steps, key=lambda step: step.at):
        by_object.setdefault((step.resource, step.name), []).append(step)
    begin = asyncio.get_running_loop().time()
    said = await asyncio.gather(*(_play(api, namespace, of_one, begin, patience) for of_one in by_object.values()))
    return [sentence for sentence in said if sentence]


async def _play(api: Api, namespace: str, steps: list[Step], begin: float, patience: float) -> str:
    """Steps of one object, until one cannot be made; the sentence that says so."""
    for step in steps:
        await asyncio.sleep(begin + step.at - asyncio.get_running_loop().time())
        if step.when:
            with suppress(AssertionError):  # whoever waits too long acts all the same
                await until(partial(_is_so, api, namespace, step), f"{step.name} is {step.when}", SECONDS)
        await asyncio.sleep(step.lag)
        try:
            await _do(api, namespace, step, patience)
        except AssertionError as late:
            return str(late)
    return ""


async def _is_so(api: Api, namespace: str, step: Step) -> bool:
    """In that state, or past it."""
    body = await api.get(step.resource, namespace, step.name) or {}
    state = body.get("status", {}).get("state")
    return state in (step.when, *ENDS)


async def _do(api: Api, namespace: str, step: Step, patience: float) -> None:
    if step.verb == "create":
        await until(lambda: api.create(step.resource, namespace, step.body or {}), f"{step.name} can be made", patience)
    elif step.verb == "edit":
        await api.patch(step.resource, namespace, step.name, step.body or {})
    elif step.verb == "delete":
        await api.delete(step.resource, namespace, step.name)
    else:
        for found in await api.items(step.resource, namespace, labelSelector=f"{DEPLOYMENT_LABEL}={step.name}"):
            await api.delete(step.resource, namespace, found["metadata"]["name"])
