# ruff: noqa: T201 (what a pod prints is its log)
"""The command line: `python -m millwright_runner check|run|package|import`."""

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from millwright_runner import outcome

TERMINATION_LOG = Path("/dev/termination-log")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one command, write the termination message, return the exit code."""
    options = _parser().parse_args(arguments)
    result = COMMANDS[options.command](options)
    outcome.write(result, options.termination_log)
    print(result.to_json(), flush=True)
    return result.exit_code


def _check(options: argparse.Namespace) -> outcome.Outcome:
    from millwright_runner.datasets import check

    return check(options.datasets)


def _run(options: argparse.Namespace) -> outcome.Outcome:
    from millwright_runner.run import run

    return run(options.pipeline, options.parameters, options.workspace)


def _package(options: argparse.Namespace) -> outcome.Outcome:
    from millwright_runner.package import package

    return package(options.destination, options.allow_pickle, options.copy)


def _import(options: argparse.Namespace) -> outcome.Outcome:
    from millwright_runner.fetching import Place
    from millwright_runner.foreign_models import Foreign
    from millwright_runner.package import import_model

    sample = Place(options.sample, options.sample_digest) if options.sample else None
    foreign = Foreign(Place(options.source, options.digest), options.format, sample)
    return import_model(options.destination, options.allow_pickle, foreign)


COMMANDS = {"check": _check, "run": _run, "package": _package, "import": _import}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="millwright_runner", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--termination-log", type=Path, default=TERMINATION_LOG)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", parents=[common], help="look for data sets, and compare their digests")
    check.add_argument("--datasets", required=True, help="JSON list of name, uri, and where there is one, digest")
    run = commands.add_parser("run", parents=[common], help="run a compiled pipeline")
    run.add_argument("--pipeline", type=Path, required=True)
    run.add_argument("--parameters", type=Path, required=True)
    run.add_argument("--workspace", type=Path, required=True)
    packaging = argparse.ArgumentParser(add_help=False, parents=[common])
    packaging.add_argument("--destination", required=True, help="s3://bucket/prefix, or a folder")
    packaging.add_argument("--allow-pickle", action="store_true")
    package = commands.add_parser("package", parents=[packaging], help="package the model that the MLflow run logged")
    package.add_argument("--copy", type=Path, help="folder with the execution's copy, stored beside the package")
    imported = commands.add_parser("import", parents=[packaging], help="package a model that was trained elsewhere")
    imported.add_argument("--source", required=True, help="s3://bucket/key, or a path; of format mlflow a prefix")
    imported.add_argument("--format", required=True, choices=("onnx", "skops", "mlflow"))
    imported.add_argument("--digest", help="sha256:… that the source must have")
    imported.add_argument("--sample", help="s3://bucket/key, or a path, of rows and predictions to compare with")
    imported.add_argument("--sample-digest", help="sha256:… that the sample must have")
    return parser


if __name__ == "__main__":
    exit_code = main()
    gc.freeze()  # else Python, as it ends, looks through all that the libraries have made: most of a second
    sys.exit(exit_code)
