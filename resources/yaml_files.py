"""YAML files, read and written by libyaml where there is one: the parser in Python is ten times
slower, and ``dvc.lock`` is read and written after every artifact."""

from pathlib import Path
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read_yaml(path: Path) -> Any:
    """The content of a file; ``None`` where there is no file or nothing in it."""
    if not path.is_file():
        return None
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)


def to_yaml(content: Any, width: int = 80) -> str:
    """The content as text, in the order of its keys."""
    text: str = yaml.dump(content, Dumper=_DUMPER, sort_keys=False, width=width)
    return text
