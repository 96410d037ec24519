"""Models as the watch told them last."""

from tests.fakes.cluster import FakeCluster
from tests.fakes.world import KEY, model

from millwright.adapters.watched_models import WatchedModels
from millwright.ports import MODELS


async def test_what_the_watch_told_last_is_the_spec_and_what_it_did_not_tell_is_asked() -> None:
    cluster = FakeCluster()
    models = WatchedModels(cluster)
    assert await models.spec(KEY) is None
    cluster.put(MODELS, model(owner="team"))
    assert await models.spec(KEY) == {"owner": "team"}
    models.learn(KEY, {"owner": "another"})
    assert await models.spec(KEY) == {"owner": "another"}
    models.learn(KEY, None)
    assert await models.spec(KEY) == {"owner": "team"}
