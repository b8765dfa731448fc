"""How long a day of answers is kept: what has expired, and whether it was kept as declared.

Belongs here: the ledger of days and the decisions on it. Does not belong here: deleting
(``forgetting.py``), or what the servers delete of their own files
(``serving/prediction_log/retention.py``).

The ledger has an entry for each day that was ever taken in: its hash, and once it was deleted, when
that was. It holds no answer, so that it stays when they are gone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

LEDGER = "prediction_log_days.json"
"""Beside the artifacts of the use case."""


@dataclass(frozen=True, order=True)
class KeptDay:
    """A day (``YYYY-MM-DD``, UTC) that was taken in with the content ``hash``; ``deleted_on`` is
    the day on which it was deleted."""

    day: str
    hash: str
    deleted_on: str | None = None


def parse_days(records: Iterable[Mapping[str, Any]]) -> tuple[KeptDay, ...]:
    return tuple(sorted(KeptDay(**record) for record in records))


def taken_in(days: Iterable[KeptDay], day: str, hash: str) -> tuple[KeptDay, ...]:
    """The ledger once ``day`` was taken in, for the first time or again."""
    return tuple(sorted((*(one for one in days if one.day != day), KeptDay(day, hash))))


def deleted(days: Iterable[KeptDay], gone: Iterable[str], today: str) -> tuple[KeptDay, ...]:
    """The ledger once the days ``gone`` were deleted on the day ``today``."""
    named = frozenset(gone)
    return tuple(
        KeptDay(one.day, one.hash, today) if one.day in named and not one.deleted_on else one
        for one in days
    )


def first_kept(today: str, retention_days: int) -> str:
    """The oldest day that is kept on the day ``today``: a day is deleted once ``retention_days``
    whole days have passed since it ended."""
    return (date.fromisoformat(today) - timedelta(days=retention_days)).isoformat()


def expired(stored: Iterable[str], today: str, retention_days: int) -> tuple[str, ...]:
    """The days among ``stored`` that are older than is declared, oldest first."""
    first = first_kept(today, retention_days)
    return tuple(sorted(day for day in stored if day < first))


def day_problem(day: str, today: str, retention_days: int) -> str | None:
    """Why ``day`` cannot be taken in on the day ``today``; ``None`` where it can."""
    try:
        is_day = date.fromisoformat(day).isoformat() == day
    except ValueError:
        is_day = False
    if not is_day:
        return f"partition {day!r} is no day: write it as 2024-01-31"
    if day > today:
        return f"{day} has not begun (UTC)"
    if day < first_kept(today, retention_days):
        return f"{day} is older than serving.retention_days ({retention_days}): it is not kept"
    return None


def retention_problems(
    ledger: Sequence[KeptDay],
    stored: Mapping[str, str],
    written: Iterable[str],
    in_database: Iterable[str],
    remains: Iterable[str],
    today: str,
    retention_days: int,
) -> list[str]:
    """What is kept otherwise than declared, in words; nothing where all is.

    ``stored`` are the days of the asset with their hashes, ``written`` those the servers still have
    files of, ``in_database`` those the database has answers of, ``remains`` days that were deleted
    and of which objects are left in the cache.
    """
    first = first_kept(today, retention_days)
    rule = f"days before {first} are to be gone after {retention_days} days"
    problems = [
        f"{day}: the log is still there, and {rule}: run the job that expires them"
        for day in sorted(stored)
        if day < first
    ]
    problems += [
        f"{day}: the servers' files are still there, and {rule}: start a server, which deletes them"
        for day in sorted(written)
        if day < first
    ]
    problems += [
        f"{day}: the database still has answers, and {rule}: run the job that expires them"
        for day in sorted(in_database)
        if day < first
    ]
    problems += [f"{day}: was deleted, and the cache still has it" for day in sorted(remains)]
    for one in ledger:
        if one.day < first:
            continue
        if one.deleted_on is not None and one.deleted_on < _may_go(one.day, retention_days):
            problems.append(f"{one.day}: was deleted on {one.deleted_on}, too early")
        elif one.deleted_on is None and one.day not in stored:
            problems.append(f"{one.day}: is gone before its time, and nothing says who deleted it")
        elif one.deleted_on is None and stored[one.day] != one.hash:
            problems.append(f"{one.day}: is another version than the ledger says")
    return problems


def _may_go(day: str, retention_days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=retention_days + 1)).isoformat()
