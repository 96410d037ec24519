from pathlib import Path

import pytest

from millwright_serving import memory
from millwright_serving.environment import SettingsError
from millwright_serving.settings import (
    Batching,
    Comparison,
    ManyModels,
    ModelVersion,
    PayloadLogging,
    Settings,
)

DIGEST = "sha256:" + "a" * 64
REQUIRED = {
    "MILLWRIGHT_PACKAGE_URI": "s3://models/flights/m",
    "MILLWRIGHT_PACKAGE_DIGEST": DIGEST,
    "MILLWRIGHT_MODEL_NAME": "m",
    "MILLWRIGHT_MODEL_VERSION": "1",
}


def test_what_is_not_set_has_the_defaults_of_the_contract() -> None:
    settings = Settings.from_env(REQUIRED)

    assert settings == Settings(ModelVersion("m", "1", "s3://models/flights/m", DIGEST))
    assert (settings.port, settings.drain_seconds, settings.model_dir) == (8080, 15, Path("/models"))
    assert settings.max_body_bytes == 16777216 and not settings.access_log


def test_all_mistakes_are_told_at_once() -> None:
    env = {
        "MILLWRIGHT_PACKAGE_URI": "s3://b/p",
        "MILLWRIGHT_PACKAGE_DIGEST": "md5:1",
        "MILLWRIGHT_MODEL_NAME": "a\nb",
        "MILLWRIGHT_PORT": "70000",
        "MILLWRIGHT_DRAIN_SECONDS": "soon",
        "MILLWRIGHT_ALLOW_PICKLE": "yes",
    }

    with pytest.raises(SettingsError) as refused:
        Settings.from_env(env)

    assert str(refused.value) == (
        "MILLWRIGHT_PACKAGE_DIGEST must be sha256:<64 hex digits>, not 'md5:1'. "
        "MILLWRIGHT_MODEL_NAME must be printable ASCII. MILLWRIGHT_MODEL_VERSION must be set. "
        "MILLWRIGHT_ALLOW_PICKLE must be true or false, not 'yes'. "
        "MILLWRIGHT_PORT must be a number of at least 0 and at most 65535, not '70000'. "
        "MILLWRIGHT_DRAIN_SECONDS must be a number of at least 0, not 'soon'."
    )


def test_comparison_is_off_without_a_url() -> None:
    env = REQUIRED | {"MILLWRIGHT_COMPARE_RTOL": "0.1"}

    assert Settings.from_env(env).comparison is None
    assert Settings.from_env(env | {"MILLWRIGHT_COMPARE_URL": "http://a"}).comparison == Comparison(
        "http://a", 8081, 0.1, 0.05
    )


@pytest.mark.parametrize("url", ["https://a", "a:8080", "http://"])
def test_a_url_to_compare_with_is_of_plain_http(url: str) -> None:
    with pytest.raises(SettingsError, match=r"MILLWRIGHT_COMPARE_URL must be http://…"):
        Settings.from_env(REQUIRED | {"MILLWRIGHT_COMPARE_URL": url})


@pytest.mark.parametrize(
    ("env", "batching"),
    [
        ({}, None),
        ({"MILLWRIGHT_BATCH_MAX_ROWS": "1"}, None),
        ({"MILLWRIGHT_BATCH_MAX_ROWS": "32"}, Batching(32, 0.002)),
        ({"MILLWRIGHT_BATCH_MAX_ROWS": "32", "MILLWRIGHT_BATCH_MAX_DELAY_MS": "0.5"}, Batching(32, 0.0005)),
    ],
)
def test_requests_are_batched_when_a_batch_may_have_more_than_a_row(
    env: dict[str, str], batching: Batching | None
) -> None:
    assert Settings.from_env(REQUIRED | env).batching == batching


def test_a_share_of_the_requests_is_logged_where_there_is_a_place_for_it() -> None:
    env = REQUIRED | {"MILLWRIGHT_LOG_SAMPLE": "0.1"}

    assert Settings.from_env(REQUIRED).payload_logging is None
    assert Settings.from_env(env | {"MILLWRIGHT_LOG_URI": "s3://b/p"}).payload_logging == PayloadLogging(
        0.1, "s3://b/p"
    )
    with pytest.raises(SettingsError, match=r"MILLWRIGHT_LOG_URI must be set\."):
        Settings.from_env(env)
    with pytest.raises(SettingsError, match="MILLWRIGHT_LOG_SAMPLE must be a number of at least 0 and at most 1"):
        Settings.from_env(env | {"MILLWRIGHT_LOG_SAMPLE": "10"})


MANY = {"MILLWRIGHT_MODELS_DIR": "/etc/models", "MILLWRIGHT_MEMORY_BUDGET_MIB": "100"}


def test_a_folder_of_lists_makes_it_a_server_of_many_models() -> None:
    more = {"MILLWRIGHT_MAX_LOADS": "2", "MILLWRIGHT_RETRY_SECONDS": "5"}

    assert Settings.from_env(MANY).models == ManyModels(Path("/etc/models"), 100 * 2**20, 4, 30.0)
    assert Settings.from_env(MANY | more).models == ManyModels(Path("/etc/models"), 100 * 2**20, 2, 5.0)


def test_without_a_budget_it_is_a_share_of_what_the_container_may_have(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "max").write_text("max\n")
    (tmp_path / "limit").write_text("1000\n")
    monkeypatch.setattr(memory, "_LIMITS", (tmp_path / "nothing", tmp_path / "max", tmp_path / "limit"))

    models = Settings.from_env({"MILLWRIGHT_MODELS_DIR": "/etc/models"}).models

    assert isinstance(models, ManyModels) and models.memory_budget == 700


def test_what_is_for_one_model_is_refused_beside_many() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env(MANY | {"MILLWRIGHT_MODEL_NAME": "m", "MILLWRIGHT_MAX_LOADS": "0"})

    assert str(refused.value) == (
        "MILLWRIGHT_MODEL_NAME is for a server of one model; unset it, or MILLWRIGHT_MODELS_DIR. "
        "MILLWRIGHT_MAX_LOADS must be a number of at least 1, not '0'."
    )
