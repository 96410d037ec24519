"""What a command has changed, and what a repository should then say."""

import json
from typing import Any

import yaml

from millwright_cli.core.editing import Change
from millwright_cli.core.gitops import Manager
from millwright_cli.core.kinds import Manifest


def told(kind: str, name: str, changes: tuple[Change, ...]) -> str:
    """A line for each changed field."""
    if not changes:
        return f"{kind} {name}: nothing to change"
    lines = (f"  {change.field}: {_shown(change.before)} → {_shown(change.after)}" for change in changes)
    return "\n".join((f"{kind} {name}:", *lines))


def warning(manager: Manager, manifest: Manifest) -> str:
    """For a person whose change the next sync may take back."""
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True)
    return (
        f"warning: {manager} manages this object, and may take the change back. Its repository should carry the same "
        f"change:\n\n{text}"
    )


def _shown(value: Any) -> str:
    return "(none)" if value is None else json.dumps(value, ensure_ascii=False)
