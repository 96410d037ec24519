"""The operator's settings, and the file of node pools that they name."""

from pathlib import Path

import pytest

from millwright import settings

TEXT = """
images: {runner: r, serving: s}
mlflow: {trackingUri: "http://mlflow"}
storage: {packages: "s3://models"}
nodePoolsFile: %s
"""


def written(folder: Path, monkeypatch: pytest.MonkeyPatch, pools: str | None) -> None:
    file = folder / "node-pools.yaml"
    if pools is not None:
        file.write_text(pools)
    (folder / "settings.yaml").write_text(TEXT % file)
    monkeypatch.setenv(settings.FILE_VARIABLE, str(folder / "settings.yaml"))


def test_settings_name_the_file_of_node_pools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, monkeypatch, "nodePools: {cpu: {}}")
    assert settings.load().node_pools_file == tmp_path / "node-pools.yaml"


def test_the_tracking_server_s_address_names_no_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, monkeypatch, "nodePools: {}")
    file = tmp_path / "settings.yaml"
    file.write_text(file.read_text().replace("http://mlflow", "http://admin:secret@mlflow"))
    with pytest.raises(SystemExit, match=r"mlflow\.tracking_uri|mlflow\.trackingUri"):
        settings.load()


WRONG = {
    "node pools that are wrong": ("nodePools: {cpu: {hourlyCost: -1}}", r"nodePoolsFile: .*nodePools\.cpu\.hourlyCost"),
    "node pools that are not there": (None, "nodePoolsFile: .*not there"),
}


@pytest.mark.parametrize(("pools", "why"), WRONG.values(), ids=WRONG.keys())
def test_the_operator_does_not_start_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pools: str | None, why: str
) -> None:
    written(tmp_path, monkeypatch, pools)
    with pytest.raises(SystemExit, match=why):
        settings.load()
