"""Sources: what delivers batches, whichever kind of source it is."""

from collections.abc import Iterable
from pathlib import Path

from mlops_assets.source_declaration import Source
from resources.sources.base import BatchSource
from resources.sources.files import FileSource


def open_source(folder: Path, source: Source, numbers: Iterable[str] = ()) -> BatchSource:
    """The source that a use case declares in the YAML of ``folder``. ``numbers`` are the columns in
    which the comma of delimited text may be a decimal mark. Nothing is read yet."""
    if source.sql is not None:
        from resources.sources.sql import SqlSource

        return SqlSource(folder, source)
    if source.batches is not None:
        from resources.sources.periods import CutSource

        return CutSource(FileSource(folder, source), source, frozenset(numbers))
    return FileSource(folder, source)
