"""The variables of the environment, read one by one."""

from collections.abc import Mapping
from math import inf

from millwright_serving.package import is_digest


class SettingsError(Exception):
    """The environment is wrong; the message has one sentence for each mistake."""


class Reader:
    """Reads variables and collects the mistakes, so that all are told at once."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.mistakes: list[str] = []

    def text(self, name: str) -> str:
        value = self._env.get(name, "")
        if not value:
            self.mistakes.append(f"{name} must be set.")
        elif not (value.isascii() and value.isprintable()):  # they travel in HTTP headers and paths
            self.mistakes.append(f"{name} must be printable ASCII.")
        return value

    def digest(self, name: str) -> str:
        value = self.text(name)
        if value and not is_digest(value):
            self.mistakes.append(f"{name} must be sha256:<64 hex digits>, not {value!r}.")
        return value

    def has(self, name: str) -> bool:
        """Whether it is set, to whatever."""
        return bool(self._env.get(name))

    def refuse(self, name: str, reason: str) -> None:
        """It must not be set."""
        if self.has(name):
            self.mistakes.append(f"{name} {reason}.")

    def url(self, name: str, scheme: str) -> str:
        """Empty where there is none."""
        value = self._env.get(name, "")
        if value and not (value.startswith(scheme) and len(value) > len(scheme)):
            self.mistakes.append(f"{name} must be {scheme}…, not {value!r}.")
        return value

    def flag(self, name: str) -> bool:
        value = self._env.get(name) or "false"
        if value not in ("true", "false"):
            self.mistakes.append(f"{name} must be true or false, not {value!r}.")
        return value == "true"

    def number(self, name: str, default: float, most: float = inf, least: float = 0) -> float:
        value = self._env.get(name) or str(default)
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not least <= number <= most:
            self.mistakes.append(f"{name} must be a number of at least {least}{_at_most(most)}, not {value!r}.")
            return default
        return number


def _at_most(most: float) -> str:
    return "" if most == inf else f" and at most {most:.0f}"
