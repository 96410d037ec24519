"""Argo CD's health check of our kinds, in the Lua that Argo CD runs it in."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa.lua51 import LuaRuntime
from tests.fakes.verdicts import VERDICTS

from millwright.api.common import GROUP
from millwright.api.kinds import KINDS

FOLDER = Path(__file__).parents[2] / "manifests" / "argocd"
SCRIPT = (FOLDER / "health.lua").read_text()
# Argo CD does not open these to users' scripts (its util/lua).
CLOSED = ("string", "math", "io", "debug", "coroutine", "python")


def health(body: dict[str, Any]) -> dict[str, str]:
    """What the script says of an object: `status` and `message`."""
    lua = LuaRuntime()
    opened = lua.globals()
    for library in CLOSED:
        opened[library] = None
    opened.obj = lua.table_from(body, recursive=True)
    return dict(lua.execute(SCRIPT))


@pytest.mark.parametrize("name", [name for name, seen in VERDICTS.items() if seen.argo_cd])
async def test_health_is_told_in_the_words_of_a_condition(name: str) -> None:
    body = await VERDICTS[name].make()
    told = health(body)
    assert told["status"] == VERDICTS[name].argo_cd
    messages = [condition["message"] for condition in body["status"].get("conditions", ())]
    assert told["message"] in [*messages, "the operator has not looked at this generation yet"]


def test_every_kind_has_it_under_the_key_that_argo_cd_looks_for() -> None:
    """https://argo-cd.readthedocs.io/en/stable/operator-manual/health/#custom-health-checks"""
    component = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    (generator,) = component["configMapGenerator"]
    keys = [f"resource.customizations.health.{GROUP}_{kind.kind}" for kind in KINDS]
    assert generator["name"] == "argocd-cm"
    assert generator["files"] == [f"{key}=health.lua" for key in keys]
