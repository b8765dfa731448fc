"""``dg scaffold defs mlops_assets.lifecycle.Lifecycle NAME --source … --target …``.

Belongs here: what Dagster asks of a scaffolder, and writing the files. Does not belong here: what
is written (``use_case_guess.py``, ``yaml_text.py``).
"""

import re
import shutil
from pathlib import Path

import click
import dagster as dg
from pydantic import BaseModel, ConfigDict, Field

from mlops_assets.scaffolding.source_sample import Located, ScaffoldError, locate

DATA_FOLDER = "data"
YAML_FILE = "defs.yaml"


class ScaffoldParams(BaseModel):
    """What a user says on the command line."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(description="a Parquet or CSV file, or a folder with one such file a batch")
    target: str = Field(description="name of the column to predict, of 0 and 1 or true and false")
    title: str | None = Field(default=None, description="what reports call it; default: NAME")


class UseCaseScaffolder(dg.Scaffolder[ScaffoldParams]):
    """Writes a use case's ``defs.yaml`` from its data."""

    @classmethod
    def get_scaffold_params(cls) -> type[ScaffoldParams]:
        return ScaffoldParams

    def scaffold(self, request: dg.ScaffoldRequest[ScaffoldParams]) -> None:
        """Write ``defs.yaml`` into ``request.target_path``, and ``data/`` for a single file.

        Raises ``click.ClickException``, which dg prints as one message and nothing else.
        """
        from mlops_assets.data.cleaning import BatchError

        try:
            _require_sound(request)
            write_use_case(
                Path(request.params.source).expanduser().absolute(),
                request.params.target,
                request.target_path,
                title=request.params.title,
                project=request.project_root,
            )
        except (ScaffoldError, BatchError, OSError) as error:
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


def write_use_case(
    source: Path, target: str, folder: Path, *, title: str | None, project: Path | None
) -> None:
    """Look at ``source`` and write the use case into ``folder``, whose name is its name.

    Raises ``ScaffoldError`` where the data makes no use case, or ``folder`` holds something.
    """
    from mlops_assets.scaffolding.source_sample import read_sample
    from mlops_assets.scaffolding.use_case_guess import guess_use_case, read_text
    from mlops_assets.scaffolding.yaml_text import to_yaml

    if folder.is_dir() and any(folder.iterdir()):
        raise ScaffoldError(f"{folder.name} is there already: remove it, or choose another name")
    located = locate(source)
    sample = read_sample(located, read_text)
    guess = guess_use_case(located, sample, target)
    text = to_yaml(
        guess,
        located,
        sample,
        title=title or folder.name.replace("_", " ").strip().capitalize(),
        folder=_source_folder(located, folder, project),
    )
    _write(folder, text, located)


def _source_folder(located: Located, folder: Path, project: Path | None) -> str:
    """Relative to the YAML where both are in the project, which may be moved as a whole."""
    if located.folder is None:
        return DATA_FOLDER
    there, here = located.folder.resolve(), folder.resolve()
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
    if located.folder is None:
        data = folder / DATA_FOLDER
        data.mkdir()
        shutil.copyfile(located.files[0], data / f"{located.batches[0]}{located.ending}")
    (folder / YAML_FILE).write_text(text, encoding="utf-8")


def _remove_if_empty(folder: Path) -> None:
    """dg makes the folder, and takes one that is there for a use case."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
