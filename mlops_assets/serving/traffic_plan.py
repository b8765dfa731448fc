"""Who is answered by which variant while a challenger is tried on real traffic.

Belongs here: the plan as a server reads it, and the division of entities by it. Does not belong
here: the record of tests and their planning (``ab_test/experiments.py``, ``ab_test/planning.py``),
the commands that change a plan (``cli_traffic.py``), or sending a request to a model.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, get_args
from uuid import uuid4

Mode = Literal["ab", "shadow"]
MODES: tuple[Mode, ...] = get_args(Mode)
OFF = "off"
PLAN_FILE = "traffic.json"
"""The plan's name beside a use case's releases."""
LONGEST_EXPERIMENT = 64
"""Bytes: the longest key of BLAKE2b."""
NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]*")
BUCKETS = 2**64


class TrafficPlanError(ValueError):
    """A plan that cannot be read; the message names the file, the field and what is wanted."""


@dataclass(frozen=True)
class TrafficPlan:
    """A test under way.

    ``challenger`` and ``champion`` are hashes of releases, ``share`` the share of the entities that
    the challenger answers (``ab``), above 0 and at most 1. A ``shadow`` is asked about everything
    that the champion answers, its share being 1. ``experiment`` is the test's id, of which the
    division is a function.

    It applies only while ``champion`` is the release that serves: after a promotion or a rollback
    the test is over, whatever the file says, and the champion of that time answers alone.
    """

    experiment: str
    challenger: str
    champion: str
    mode: Mode
    share: float


def is_challenger(plan: TrafficPlan, entity: str) -> bool:
    """Whether ``entity`` belongs to the challenger's share: always the same for a plan.

    A keyed BLAKE2b of the entity, the experiment being the key, compared with the share: tests are
    divided independently of each other, and whoever had the challenger keeps it when the share
    rises.
    """
    digest = blake2b(
        entity.encode("utf-8", "surrogatepass"), digest_size=8, key=plan.experiment.encode()
    ).digest()
    return int.from_bytes(digest, "big") < plan.share * BUCKETS


def read_plan(path: Path) -> TrafficPlan | None:
    """The plan in a file; ``None`` where there is no file, or it says that the test is off.

    Raises ``TrafficPlanError`` for a file that is broken, or cannot be read: what was known before
    it should stay in force then.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise TrafficPlanError(f"{path.name} cannot be read: {problem.strerror}") from None
    try:
        record = json.loads(content)
    except (ValueError, RecursionError):
        raise TrafficPlanError(
            f"{path.name} is no JSON: let `mlops traffic` write it again"
        ) from None
    if not isinstance(record, dict):
        raise TrafficPlanError(f"{path.name} is no JSON object")
    if record.get("mode") == OFF:
        return None
    return _plan(path.name, record)


def write_plan(path: Path, plan: TrafficPlan | None) -> None:
    """Replace the plan in a file, all at once; ``None`` says that the champion answers alone.

    Raises ``TrafficPlanError`` for a plan that ``read_plan`` would refuse.
    """
    record: dict[str, Any] = {"mode": OFF} if plan is None else asdict(plan)
    if plan is not None:
        _plan(path.name, record)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(record, sort_keys=True, indent=2) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def _plan(file: str, record: dict[str, Any]) -> TrafficPlan:
    for field in ("experiment", "challenger", "champion"):
        value = record.get(field)
        if not isinstance(value, str) or NAME.fullmatch(value) is None:
            raise TrafficPlanError(f"{file}: {field} is no name of letters, digits, '.', '_', '-'")
    if len(record["experiment"]) > LONGEST_EXPERIMENT:
        raise TrafficPlanError(f"{file}: experiment is longer than {LONGEST_EXPERIMENT} characters")
    if record["challenger"] == record["champion"]:
        raise TrafficPlanError(f"{file}: challenger and champion are the same release")
    if record.get("mode") not in MODES:
        raise TrafficPlanError(f"{file}: mode is none of {[*MODES, OFF]}")
    share = record.get("share")
    # True is an int, and NaN compares with nothing.
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0.0 < share <= 1.0:
        raise TrafficPlanError(f"{file}: share is no number above 0 and at most 1")
    return TrafficPlan(
        record["experiment"],
        record["challenger"],
        record["champion"],
        record["mode"],
        float(share),
    )
