"""A sample of the reliability campaign: the operator's own process under kills and faults of every kind."""

from pathlib import Path

from tests.campaign.run import Size, campaign


async def test_a_short_campaign_finds_nothing_wrong(tmp_path: Path) -> None:
    """`make campaign` gives a minute to converge; a machine that runs other tests beside may take longer."""
    size = Size(seed=7, rounds=1, runs=10, minutes=0.5, patience=300)
    assert await campaign(size, tmp_path / "campaign") == []
