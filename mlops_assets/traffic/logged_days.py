"""The days of answers: where they are read from, those stored, their ledger, and what has expired.

Belongs here: what assets, checks and sensors of several rooms do with those days. Does not belong
here: taking one in (``assets.py``), the decisions (``retention.py``), or reading rows
(``joining.py``).
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock

from mlops_assets.content_hash import json_bytes
from mlops_assets.serving.prediction_log import reading
from mlops_assets.serving.prediction_log.shipping import DATABASE_VARIABLE
from mlops_assets.traffic.answer_sources import (
    AnswerSource,
    AnswersUnreadableError,
    DatabaseAnswers,
    FileAnswers,
    database_answers,
)
from mlops_assets.traffic.day_log import Pieces, log_files, made_from
from mlops_assets.traffic.forgetting import forget, remains
from mlops_assets.traffic.retention import (
    LEDGER,
    KeptDay,
    deleted,
    expired,
    first_kept,
    parse_days,
    retention_problems,
    taken_in,
)
from resources.artifact_store import ArtifactKey, write_atomically
from resources.workspace import Workspace

LOG = "prediction_log"
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
Ledger = tuple[KeptDay, ...]


def served_folder(workspace: Workspace) -> Path:
    """Where the servers of the use case keep what they did."""
    return workspace.store.root / "served"


def stored_days(workspace: Workspace) -> dict[str, str]:
    """The days that are stored, oldest first, each with the hash of its log."""
    return {
        day: workspace.store.hash(ArtifactKey(LOG, day)) for day in workspace.store.batches(LOG)
    }


@contextmanager
def answer_sources(workspace: Workspace) -> Iterator[tuple[AnswerSource, ...]]:
    """Where the servers of the use case keep their answers, while the block lasts: their files, and
    the database that ``MLOPS_LOG_DATABASE`` names, where it does. Raises
    ``AnswersUnreadableError``, here or in the block, where that cannot be asked."""
    files = FileAnswers(served_folder(workspace))
    with _database(workspace) as database:
        yield (files, database) if database else (files,)


@contextmanager
def _database(workspace: Workspace) -> Iterator[DatabaseAnswers | None]:
    connection = os.environ.get(DATABASE_VARIABLE)
    if not connection:
        yield None
        return
    with database_answers(connection, workspace.name) as answers:
        yield answers


def taken_from(workspace: Workspace, day: str) -> Pieces:
    """What the stored log of ``day`` was made from; nothing where none is stored."""
    key = ArtifactKey(LOG, day)
    if workspace.store.lineage(key) is None:
        return {}
    return made_from(workspace.store.json(key, "manifest.json"))


def logged_files(workspace: Workspace, days: Iterable[str] | None = None) -> list[Path]:
    """The log's files of these days, or of all that are stored, oldest first: what
    ``joining.latest_answers`` and ``joining.read_answers`` take."""
    wanted = workspace.store.batches(LOG) if days is None else sorted(days)
    return [
        path for day in wanted for path in log_files(workspace.store.folder(ArtifactKey(LOG, day)))
    ]


def ledger(workspace: Workspace) -> Ledger:
    """Every day that was ever stored, oldest first."""
    path = workspace.store.root / LEDGER
    return parse_days(json.loads(path.read_bytes())) if path.is_file() else ()


def record_day(workspace: Workspace, day: str) -> None:
    """Write into the ledger that ``day`` is stored as it is now."""
    hash = workspace.store.hash(ArtifactKey(LOG, day))
    _change(workspace, lambda days: taken_in(days, day, hash))


def expired_days(workspace: Workspace, today: str) -> tuple[str, ...]:
    """The stored days that are to be deleted on the day ``today``, oldest first; those of which a
    deletion that was cut off left something are among them."""
    partly = (one.day for one in ledger(workspace) if one.deleted_on)
    left = {day for day in partly if any(path.exists() for path in _places(workspace, day))}
    days = {*workspace.store.batches(LOG), *left}
    return expired(days, today, workspace.use_case.serving.retention_days)


def expire(workspace: Workspace, today: str) -> tuple[tuple[str, ...], int]:
    """Delete every version of the days that have expired, and say so in the ledger; returns these
    days and the number of objects deleted from the cache."""
    store = workspace.store
    days = expired_days(workspace, today)
    if not days:
        return (), 0
    # Said first: what is cut off then is found again, and the check sees what is left.
    _change(workspace, lambda known: deleted(known, days, today))
    with FileLock(store.root / ".lock"):
        objects = forget(store.root.parent, workspace.name, store.cache, LOG, days)
    return days, objects


def expired_in_database(workspace: Workspace, today: str) -> tuple[str, ...]:
    """The days to be deleted on the day ``today`` of which the database has answers, oldest first.
    Raises ``AnswersUnreadableError``."""
    with _database(workspace) as database:
        return tuple(database.kept_before(_first_kept(workspace, today))) if database else ()


def expire_in_database(workspace: Workspace, today: str) -> tuple[str, ...]:
    """Delete these days from the database, taken in or not; which they were. Raises
    ``AnswersUnreadableError``."""
    with _database(workspace) as database:
        return tuple(database.delete_before(_first_kept(workspace, today))) if database else ()


def problems_of_retention(workspace: Workspace, today: str) -> list[str]:
    """What is kept otherwise than the use case declares, in words; that the database could not be
    asked is one, for what it keeps is not known then."""
    known = ledger(workspace)
    gone = {one.hash: one.day for one in known if one.deleted_on}
    still = remains(workspace.store.cache, gone)
    in_database: tuple[str, ...] = ()
    problems = []
    try:
        in_database = expired_in_database(workspace, today)
    except AnswersUnreadableError as error:
        problems.append(str(error))
    return problems + retention_problems(
        known,
        stored_days(workspace),
        [day for day in reading.days(served_folder(workspace)) if DAY.fullmatch(day)],
        in_database,
        {gone[hash] for hash in still},
        today,
        workspace.use_case.serving.retention_days,
    )


def _first_kept(workspace: Workspace, today: str) -> str:
    return first_kept(today, workspace.use_case.serving.retention_days)


def _change(workspace: Workspace, change: Callable[[Ledger], Ledger]) -> None:
    with FileLock(workspace.store.root / ".days.lock"):
        days = change(ledger(workspace))
        write_atomically(workspace.store.root / LEDGER, json_bytes([asdict(one) for one in days]))


def _places(workspace: Workspace, day: str) -> tuple[Path, ...]:
    root = workspace.store.root
    records = (root / kind / LOG / f"{day}.json" for kind in ("versions", "lineage"))
    return (root / LOG / day, *records)
