from pathlib import Path

import pytest

from millwright_serving.settings import Settings, SettingsError

DIGEST = "sha256:" + "a" * 64
REQUIRED = {
    "MILLWRIGHT_PACKAGE_URI": "s3://models/flights/m",
    "MILLWRIGHT_PACKAGE_DIGEST": DIGEST,
    "MILLWRIGHT_MODEL_NAME": "m",
    "MILLWRIGHT_MODEL_VERSION": "1",
}


def test_what_is_not_set_has_the_defaults_of_the_contract() -> None:
    settings = Settings.from_env(REQUIRED)

    assert settings == Settings("s3://models/flights/m", DIGEST, "m", "1")
    assert (settings.port, settings.drain_seconds, settings.model_dir) == (8080, 15, Path("/models"))
    assert settings.max_body_bytes == 16777216 and not settings.allow_pickle and not settings.access_log


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
