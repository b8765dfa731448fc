"""``dg scaffold defs mlops_assets.lifecycle.Lifecycle NAME --source … --target …``.

Belongs here: what Dagster asks of a scaffolder, and writing the files. Does not belong here: what
is written (``use_case_guess.py``, ``yaml_text.py``).
"""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import dagster as dg
from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.scaffolding.batch_files import Database, Located, ScaffoldError, locate

if TYPE_CHECKING:
    from mlops_assets.scaffolding.source_sample import Sample

DATA_FOLDER = "data"
YAML_FILE = "defs.yaml"


class ScaffoldParams(BaseModel):
    """What a user says on the command line."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(
        description="a Parquet or CSV file, a folder of such files or its URL (s3://...), or a "
        "table of a database (postgresql+psycopg://host/name#schema.table, sqlite:///file#table)"
    )
    target: str = Field(description="name of the column to predict")
    title: str | None = Field(default=None, description="what reports call it; default: NAME")
    credentials: str | None = Field(
        default=None,
        description="NAME of the environment variables NAME_USER and NAME_PASSWORD of a database",
        pattern="^[A-Z][A-Z0-9_]*$",
    )


class UseCaseScaffolder(dg.Scaffolder[ScaffoldParams]):
    """Writes a use case's ``defs.yaml`` from its data."""

    @classmethod
    def get_scaffold_params(cls) -> type[ScaffoldParams]:
        return ScaffoldParams

    def scaffold(self, request: dg.ScaffoldRequest[ScaffoldParams]) -> None:
        """Write ``defs.yaml`` into ``request.target_path``, and ``data/`` for a single file.

        Raises ``click.ClickException``, which dg prints as one message and nothing else.
        """
        from mlops_assets.data.batch_error import BatchError
        from resources.sources.base import SourceError

        try:
            _require_sound(request)
            write_use_case(request.params, request.target_path, project=request.project_root)
        except (ScaffoldError, BatchError, SourceError, OSError) as error:
            _remove_if_empty(request.target_path)
            raise click.ClickException(str(error)) from error


def _require_sound(request: dg.ScaffoldRequest[ScaffoldParams]) -> None:
    name = request.target_path.name
    if request.scaffold_format != "yaml" or request.append:
        raise ScaffoldError("a use case is a defs.yaml of its own: leave --format out")
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
        raise ScaffoldError(
            f"{name!r}: a use case's name has letters, digits and '_' only, and no digit first"
        )


def write_use_case(params: ScaffoldParams, folder: Path, *, project: Path | None) -> None:
    """Look at the source and write the use case into ``folder``, whose name is its name.

    Raises ``ScaffoldError`` where the data makes no use case, or ``folder`` holds something, and
    ``SourceError`` where a database or a remote folder cannot be read.
    """
    from mlops_assets.scaffolding.batch_guess import cut_by_date
    from mlops_assets.scaffolding.use_case_guess import guess_use_case, require_target
    from mlops_assets.scaffolding.yaml_text import to_yaml

    if folder.is_dir() and any(folder.iterdir()):
        raise ScaffoldError(f"{folder.name} is there already: remove it, or choose another name")
    located, sample = _read(params)
    require_target(sample, params.target)
    if located.database is None:
        located, sample = cut_by_date(located, sample, params.target)
    else:
        located = replace(located, database=_found_again(located.database, folder, project))
    guess = guess_use_case(located, sample, params.target)
    text = to_yaml(
        guess,
        located,
        sample,
        title=params.title or folder.name.replace("_", " ").strip().capitalize(),
        folder=_source_folder(params.source, located, folder, project),
    )
    _write(folder, text, located)


def _read(params: ScaffoldParams) -> tuple[Located, "Sample"]:
    """Whatever the source is: its batches, and a sample of its rows."""
    from mlops_assets.scaffolding.database_sample import is_database, read_database
    from mlops_assets.scaffolding.remote_files import is_remote, read_remote
    from mlops_assets.scaffolding.source_sample import read_sample
    from mlops_assets.scaffolding.use_case_guess import read_text

    source = params.source
    if is_database(source):
        return read_database(source, params.target, params.credentials, Path.cwd())
    if params.credentials is not None:
        raise ScaffoldError("--credentials is for a database: leave it out")
    if is_remote(source):
        with TemporaryDirectory(prefix="scaffold_") as scratch:
            return read_remote(source, Path(scratch), read_text)
    located = locate(Path(source).expanduser().absolute())
    return located, read_sample(located, read_text)


def _source_folder(source: str, located: Located, folder: Path, project: Path | None) -> str:
    if located.is_copied:
        return DATA_FOLDER
    return source if located.folder is None else _from_yaml(located.folder, folder, project)


def _found_again(database: Database, folder: Path, project: Path | None) -> Database:
    """A file's name is relative to where the command runs, and in the YAML to the YAML."""
    kind, path = database.address.split(":///", 1) if ":///" in database.address else ("", "")
    if kind not in ("sqlite", "sqlite+pysqlite", "duckdb"):
        return database
    return replace(database, address=f"{kind}:///{_from_yaml(Path.cwd() / path, folder, project)}")


def _from_yaml(there: Path, folder: Path, project: Path | None) -> str:
    """Relative to the YAML where both are in the project, which may be moved as a whole."""
    there, here = there.resolve(), folder.resolve()
    if project is not None and there.is_relative_to(project.resolve()):
        return _relative(there, here)
    return str(there)


def _relative(there: Path, here: Path) -> str:
    shared = next(parent for parent in (here, *here.parents) if there.is_relative_to(parent))
    up = len(here.relative_to(shared).parts)
    return "/".join([".."] * up + list(there.relative_to(shared).parts)) or "."


def _write(folder: Path, text: str, located: Located) -> None:
    """The data first: a YAML whose data is not there yet must not be found."""
    folder.mkdir(parents=True, exist_ok=True)
    if located.is_copied:
        data = folder / DATA_FOLDER
        data.mkdir()
        shutil.copyfile(located.files[0], data / f"{located.names[0]}{located.ending}")
    (folder / YAML_FILE).write_text(text, encoding="utf-8")


def _remove_if_empty(folder: Path) -> None:
    """dg makes the folder, and takes one that is there for a use case."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
