"""A release directory as a server sees it.

Belongs here: reading a bundle with the standard library alone. Does not belong here: writing one
(``release/bundle.py``).
"""

import json
from pathlib import Path
from typing import Any


def manifest(bundle: Path) -> dict[str, Any]:
    """What the bundle is made of and which file it serves."""
    content: dict[str, Any] = json.loads((bundle / "manifest.json").read_bytes())
    return content


def released_model(bundle: Path) -> Path:
    """The ONNX file that the release serves."""
    return bundle / str(manifest(bundle)["serves"])
