"""Whether steps may be answered from a cache."""

from millwright.core.caching import without_cache
from millwright.core.ir import Pipeline

CACHED = {"cachingOptions": {"enableCache": True}, "componentRef": {"name": "comp-train"}}


def test_no_task_is_answered_from_a_cache_however_deep_and_nothing_else_changes() -> None:
    loop = {"dag": {"tasks": {"train": CACHED}}}
    plain = {"executorLabel": "exec-train"}
    spec = {
        "root": {"dag": {"tasks": {"loop": CACHED}}, "x": 1},
        "components": {"comp-loop": loop, "comp-train": plain},
    }
    found = without_cache(Pipeline(spec, {"platforms": {}}))
    assert found.spec["root"]["dag"]["tasks"]["loop"] == CACHED | {"cachingOptions": {}}
    assert found.spec["components"]["comp-loop"]["dag"]["tasks"]["train"] == CACHED | {"cachingOptions": {}}
    assert (found.spec["components"]["comp-train"], found.spec["root"]["x"]) == (plain, 1)
    assert found.platform == {"platforms": {}}
    assert spec["root"] == {"dag": {"tasks": {"loop": CACHED}}, "x": 1}, "what was given stays as it is"
