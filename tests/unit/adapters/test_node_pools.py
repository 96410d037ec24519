"""Node pools as the platform team writes them, and as they change while the operator runs."""

import asyncio
import logging
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from millwright.adapters.node_pool_settings import parse
from millwright.adapters.node_pools import NodePoolsFile
from millwright.core.node_pools import NodePool, NodePools, Toleration

TEXT = """
nodePools:
  cpu: {nodeSelector: {millwright.dev/pool: cpu}, hourlyCost: 0.05, requests: {cpu: 250m}, limits: {memory: 2Gi}}
  gpu:
    nodeSelector: {millwright.dev/pool: gpu}
    tolerations: [{key: nvidia.com/gpu, operator: Equal, value: present, effect: NoSchedule}]
    accelerator: nvidia.com/gpu
    hourlyCost: "1.50"
defaultNodePool: cpu
currency: USD
"""
EXPECTED = NodePools(
    {
        "cpu": NodePool(
            "cpu",
            {"millwright.dev/pool": "cpu"},
            hourly_cost=Decimal("0.05"),
            requests={"cpu": "250m"},
            limits={"memory": "2Gi"},
        ),
        "gpu": NodePool(
            "gpu",
            {"millwright.dev/pool": "gpu"},
            (Toleration("nvidia.com/gpu", "Equal", "present", "NoSchedule"),),
            "nvidia.com/gpu",
            Decimal("1.50"),
        ),
    },
    "cpu",
    "USD",
)


def test_pools_are_read_as_they_are_written() -> None:
    assert parse(TEXT.encode()) == EXPECTED


def test_an_empty_file_means_no_pools() -> None:
    assert parse(b"") == NodePools()


WRONG: Mapping[str, tuple[str, str]] = {
    "text that is no YAML": ("nodePools: [", "not YAML"),
    "bytes that are no text": ("\udcff", "not YAML"),
    "a list": ("[a]", "the file: Input should be"),
    "a field that nobody knows": ("nodePools: {cpu: {nodeSelectors: {}}}", "nodePools.cpu.nodeSelectors: Extra inputs"),
    "a pool whose name is no DNS label": ("nodePools: {GPU: {}}", "GPU.*should match pattern"),
    "a negative cost": (
        "nodePools: {cpu: {hourlyCost: -1}}",
        "nodePools.cpu.hourlyCost: .* greater than or equal to 0",
    ),
    "a cost without end": ("nodePools: {cpu: {hourlyCost: .inf}}", "nodePools.cpu.hourlyCost"),
    "a default that is no pool": ("{nodePools: {cpu: {}}, defaultNodePool: cup}", "names cup, .* name one of: cpu"),
    "an accelerator that is no extended resource": (
        "nodePools: {gpu: {accelerator: gpu}}",
        "nodePools.gpu.accelerator",
    ),
    "an amount that is none": ("nodePools: {cpu: {requests: {memory: 2GB}}}", "requests.memory: .* write it like"),
    "a resource that steps cannot ask for": ("nodePools: {cpu: {requests: {disk: 1Gi}}}", "requests.disk"),
    "more requested than allowed": (
        "nodePools: {cpu: {requests: {cpu: 2}, limits: {cpu: 1500m}}}",
        "nodePools.cpu: .*requests.cpu 2 is more than limits.cpu 1500m",
    ),
    "a currency that is none": ("currency: euro", "currency"),
    "a truth value for a label": ("nodePools: {cpu: {nodeSelector: {gpu: true}}}", "nodeSelector.gpu: .* valid string"),
    "a toleration of nothing": ("nodePools: {cpu: {tolerations: [{}]}}", "needs operator Exists"),
    "a value where existence counts": (
        "nodePools: {cpu: {tolerations: [{key: a, operator: Exists, value: b}]}}",
        "takes no value",
    ),
    "seconds where nothing is evicted": (
        "nodePools: {cpu: {tolerations: [{key: a, effect: NoSchedule, tolerationSeconds: 5}]}}",
        "needs effect NoExecute",
    ),
}


@pytest.mark.parametrize(("text", "why"), WRONG.values(), ids=WRONG.keys())
def test_refused_with_where_and_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text.encode(errors="surrogateescape"))


def mounted(folder: Path, text: str) -> Path:
    """As a ConfigMap volume does it: the file is a link through `..data`, and the link is what changes."""
    version = folder / f"..{len(list(folder.iterdir()))}"
    version.mkdir()
    (version / "node-pools.yaml").write_text(text)
    link = folder / "..link"
    link.symlink_to(version)
    link.rename(folder / "..data")
    file = folder / "node-pools.yaml"
    if not file.is_symlink():
        file.symlink_to("..data/node-pools.yaml")
    return file


def failures() -> float:
    return REGISTRY.get_sample_value("millwright_settings_reload_failures_total") or 0.0


def cost(pool: str, currency: str = "USD") -> float | None:
    labels = {"pool": pool, "currency": currency}
    return REGISTRY.get_sample_value("millwright_node_pool_hourly_cost", labels)


def test_without_a_file_there_are_no_pools() -> None:
    file = NodePoolsFile(None)
    assert file.reload() is False
    assert file.current() == NodePools()


def test_pools_that_change_are_read_again(tmp_path: Path) -> None:
    file = NodePoolsFile(mounted(tmp_path, TEXT))
    assert file.reload() is False
    mounted(tmp_path, "nodePools: {spot: {hourlyCost: 0.01}}\ncurrency: USD")
    assert file.reload() is True
    assert set(file.current().pools) == {"spot"}
    assert (cost("spot"), cost("cpu")) == (0.01, None)


async def test_whoever_follows_is_told_of_other_pools_and_of_nothing_else(tmp_path: Path) -> None:
    file, told = NodePoolsFile(mounted(tmp_path, TEXT)), asyncio.Event()
    following = asyncio.create_task(file.follow(told.set, seconds=0.0))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not told.is_set()
    mounted(tmp_path, "nodePools: {spot: {}}")
    await asyncio.wait_for(told.wait(), timeout=10)
    following.cancel()


def test_a_wrong_text_leaves_the_last_good_pools_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, before = NodePoolsFile(mounted(tmp_path, TEXT)), failures()
    mounted(tmp_path, "nodePools: {cpu: {hourlyCost: cheap}}")
    assert [file.reload() for _ in range(3)] == [False] * 3
    assert file.current() == EXPECTED
    assert cost("gpu") == 1.5
    assert failures() == before + 1
    errors = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "nodePools.cpu.hourlyCost" in errors[0]


def test_a_file_that_goes_away_is_a_wrong_text_until_it_is_back(tmp_path: Path) -> None:
    path = mounted(tmp_path, TEXT)
    file, before = NodePoolsFile(path), failures()
    path.unlink()
    file.reload()
    assert (file.current(), failures()) == (EXPECTED, before + 1)
    mounted(tmp_path, "nodePools: {spot: {}}")
    file.reload()
    assert set(file.current().pools) == {"spot"}


def test_the_operator_does_not_start_with_a_wrong_text(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="currency"):
        NodePoolsFile(mounted(tmp_path, "currency: euro"))
    with pytest.raises(ValueError, match="not there"):
        NodePoolsFile(tmp_path / "elsewhere.yaml")
