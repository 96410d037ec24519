"""`python -m millwright_serving.fetch`: brings the package here, for a server in another container of the pod.

The environment is that of our own server.
"""

import logging
import os
import sys

from millwright_serving.download import fetch, verified_manifest
from millwright_serving.environment import SettingsError
from millwright_serving.logs import configure_logs, write_termination_message
from millwright_serving.package import PackageError, require_allowed
from millwright_serving.settings import EXIT_SETTINGS, TERMINATION_LOG, ModelVersion, Settings

_log = logging.getLogger("millwright_serving")


def main() -> int:
    """The exit code: 0, or 1 failed, 2 wrong settings, 3 digest mismatch."""
    configure_logs()
    try:
        _fetch(Settings.from_env(os.environ))
    except SettingsError as error:
        return _failed(EXIT_SETTINGS, str(error))
    except PackageError as error:
        return _failed(error.exit_code, str(error))
    return 0


def _fetch(settings: Settings) -> None:
    wanted = settings.models
    assert isinstance(wanted, ModelVersion)
    folder = fetch(wanted.package_uri, settings.model_dir / "package")
    manifest = verified_manifest(folder, wanted.digest)
    require_allowed(manifest, wanted.allow_pickle)
    _log.info("The package is here.", extra={"fields": {"digest": wanted.digest, "format": manifest.format}})


def _failed(code: int, message: str) -> int:
    _log.error(message)
    write_termination_message(os.environ.get("MILLWRIGHT_TERMINATION_LOG", TERMINATION_LOG), message)
    return code


if __name__ == "__main__":
    sys.exit(main())
