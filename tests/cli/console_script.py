"""The console script, as pip makes it from pyproject.toml, for this interpreter and these sources."""

import os
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAME = "kubectl-millwright"


def install(folder: Path) -> dict[str, str]:
    """Writes the script into the folder. Returns an environment in which kubectl finds it as a plugin."""
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"][NAME]
    module, function = entry.split(":")
    lines = (f"#!{sys.executable}", "import sys", f"from {module} import {function}", f"sys.exit({function}())", "")
    script = folder / NAME
    script.write_text("\n".join(lines))
    script.chmod(0o755)
    path = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "cli")}
    return dict(os.environ) | path
