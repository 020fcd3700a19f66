"""`clary init NAME`: a project folder with the whole release loop on the user's own CSV, or on sample data."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from clary import examples
from clary.base.errors import ConfigurationError
from clary.base.settings import Settings, load_settings
from clary.runtimes.environments import Environments

TEMPLATE = Path(examples.__file__).parent / "release_loop"
_SAMPLE = Path(examples.__file__).parent / "sample_data.py"
_NAME = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,30}")  # endpoints and models of the project get longer names
_ENCODING = "utf-8-sig"  # spreadsheets write a byte order mark
_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


def init(
    name: Annotated[str, typer.Argument(help="Name of the project: letters, digits and hyphens.")],
    folder: Annotated[Path | None, typer.Option(help="Where to write it; default: a folder of that name.")] = None,
    table: Annotated[Path | None, typer.Option("--csv", help="Your data: a CSV with a header.")] = None,
    target: Annotated[str, typer.Option(help="The column to be predicted; it holds 0 or 1.")] = "target",
    smallest_auc: Annotated[float, typer.Option(help="What the gate asks of a new model.", min=0.0, max=1.0)] = 0.7,
) -> None:
    """Write a project: train, evaluate, gate, register, approve, deploy; started by new data and by approvals."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is no name for a project: use up to 32 letters, digits and single hyphens."
        )
    place = folder or Path(name)
    if place.exists() and any(place.iterdir()):
        raise ConfigurationError(f"{place} exists and is not empty.")
    if table is not None:
        _check(table, target)
    write_project(load_settings(), place, name, table=table, target=target, smallest_auc=smallest_auc)
    typer.echo(f"{place} is ready; its README.md tells how to go on. In a Python of your own:")
    typer.echo(f"  cd {place}; pip install -r requirements.txt; python pipelines.py")


def write_project(
    settings: Settings,
    place: Path,
    name: str,
    *,
    table: Path | None = None,
    target: str = "target",
    smallest_auc: float = 0.9,
) -> None:
    """Write the folder; `table` and `target` must have been checked."""
    _copy(place, name)
    values = {
        "name": name,
        "target": target,
        "smallest_auc": smallest_auc,
        "instance_type": "ml.m5.large",
        "bucket": "",
    }
    (place / "settings.json").write_text(json.dumps(values, indent=2) + "\n")
    if table is not None:
        _write_own_data(place / "data", table, target)
    else:
        _write_sample_data(settings, place / "data", target)


def _copy(place: Path, name: str) -> None:
    shutil.copytree(TEMPLATE, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (place / "data").mkdir()
    readme = place / "README.md"
    readme.write_text(readme.read_text().replace("{name}", name))


def _check(table: Path, target: str) -> None:
    """What would otherwise only come out in the first step of the first run."""
    if not table.is_file():
        raise ConfigurationError(f"There is no file {table}.")
    try:
        found = _values(table, target)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{table} is not a CSV in UTF-8 with commas: {error}.") from error
    if not found <= {"0", "1", "0.0", "1.0", ""}:
        shown = ", ".join(sorted(found)[:5])
        raise ConfigurationError(f"The column {target!r} must hold 0 or 1; it holds {shown}.")


def _values(table: Path, target: str) -> set[str]:
    """What the target's column holds in the first rows."""
    with table.open(newline="", encoding=_ENCODING) as file:
        rows = csv.DictReader(file)
        if target not in (rows.fieldnames or []):
            columns = ", ".join(rows.fieldnames or [])
            raise ConfigurationError(f"{table} has no column {target!r} (--target); it has: {columns}.")
        return {row[target] or "" for _, row in zip(range(10_000), rows, strict=False)}


def _write_own_data(folder: Path, table: Path, target: str) -> None:
    shutil.copyfile(table, folder / "first.csv")
    with table.open(newline="", encoding=_ENCODING) as file:
        row = next(csv.DictReader(file), None)
    if row is not None:
        with (folder / "row.csv").open("w", newline="", encoding="utf-8") as file:
            values = [value for column, value in row.items() if column != target]
            csv.writer(file, lineterminator="\n").writerow(values)


def _write_sample_data(settings: Settings, folder: Path, target: str) -> None:
    """scikit-learn brings the data; it is in the environment of its jobs, not in Clary's own."""
    python = Environments(settings.environments).prepare(_IMAGE).path / "bin" / "python"
    command = [str(part) for part in (python, _SAMPLE, folder / "first.csv", folder / "row.csv", target)]
    subprocess.run(command, check=True)
