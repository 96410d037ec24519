"""The script that pip puts on the PATH."""

import subprocess
from pathlib import Path

from tests.cli.console_script import NAME, install

from millwright_cli.app import COMMANDS


def test_it_tells_how_each_command_is_called(tmp_path: Path) -> None:
    environment = install(tmp_path)

    def told(*words: str) -> str:
        call = (str(tmp_path / NAME), *words, "--help")
        return subprocess.run(call, env=environment, capture_output=True, text=True, check=True).stdout

    assert told().startswith("Usage: kubectl millwright [OPTIONS] COMMAND")
    for command in COMMANDS:
        text = told(str(command.name))
        assert text.startswith(f"Usage: kubectl millwright {command.name} [OPTIONS] ")
        assert "--namespace" in text and "--output" in text


def test_a_cluster_that_is_not_there_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    environment = install(tmp_path) | {"KUBECONFIG": str(tmp_path / "nothing")}
    call = (str(tmp_path / NAME), "status", "arr-delay")
    done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("error: no cluster is named")
