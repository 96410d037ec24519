"""What Flux, and Helm 4 with it, take our objects for: by Flux's own kstatus. No cluster is needed."""

import json
import shutil

import pytest
from tests.cluster import gobuild
from tests.cluster.shell import run
from tests.fakes.verdicts import VERDICTS

KSTATUS = gobuild.Program("kstatus", ".")


@pytest.mark.skipif(not KSTATUS.binary.exists() and not shutil.which("go"), reason="Go is missing; it builds kstatus")
async def test_kstatus_tells_what_is_done_what_is_under_way_and_what_is_stuck() -> None:
    gobuild.build((KSTATUS,))
    objects = [await seen.make() for seen in VERDICTS.values()]
    told = run(KSTATUS.binary, input=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    assert dict(zip(VERDICTS, told.split(), strict=True)) == {name: seen.kstatus for name, seen in VERDICTS.items()}
