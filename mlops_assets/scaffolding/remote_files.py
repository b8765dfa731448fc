"""The files of a folder that is not on this machine as the beginning of a use case.

Belongs here: listing them, and fetching those that are looked at. Does not belong here: how their
batches are called (``batch_files.py``), or reading them (``source_sample.py``).
"""

from dataclasses import replace
from pathlib import Path

from mlops_assets.scaffolding.batch_files import Located, ScaffoldError, located_in
from mlops_assets.scaffolding.source_sample import Sample, TextReader, read_sample, spread
from resources.sources.files import fetch
from resources.sources.storage import Storage


def is_remote(source: str) -> bool:
    """Whether ``--source`` is the URL of a folder."""
    return "://" in source


def read_remote(url: str, scratch: Path, read_text: TextReader) -> tuple[Located, Sample]:
    """The batch files of the folder, and a sample of some of them, which are copied to ``scratch``.

    Raises ``ScaffoldError`` where they make no batches, and ``SourceError`` where they cannot be
    read.
    """
    storage = Storage(url)
    if "@" in url.partition("://")[2].partition("/")[0] or "?" in url:
        raise ScaffoldError(
            f"--source {storage}: leave user, password and query out of the URL; credentials are "
            "fsspec's own, from the environment"
        )
    stored = {file.name: file for file in storage.files("*")}
    located = located_in(str(storage), [Path(name) for name in stored])
    wanted = spread(len(located.files))
    copies = []
    for at in wanted:
        name = located.files[at].name
        fetch(storage, stored[name], scratch / name)
        copies.append(scratch / name)
    names = tuple(located.names[at] for at in wanted)
    sample = read_sample(replace(located, files=tuple(copies), names=names), read_text)
    if len(wanted) < len(located.files):
        sample = replace(sample, looked_at=wanted)
    return replace(located, files=()), sample
