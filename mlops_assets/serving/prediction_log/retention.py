"""How long answers are kept.

Belongs here: which days are overdue, and deleting them from ``answers/``. Does not belong here: how
many days a use case says (``plan.py``), or rows of a database (``postgresql_sink.py``).
"""

import shutil
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple


class Retention(NamedTuple):
    """For how many ``days`` the answers of the use case are kept."""

    use_case: str
    days: int


def overdue(days: Iterable[str], today: str, retention_days: int) -> list[str]:
    """Of ``days`` (YYYY-MM-DD, like ``today``), those that are over by more than
    ``retention_days``, in order. What is no day is left alone."""
    first_kept = first_day_kept(today, retention_days)
    return sorted(day for day in days if _is_day(day) and day < first_kept)


def first_day_kept(today: str, retention_days: int) -> str:
    return (date.fromisoformat(today) - timedelta(days=retention_days)).isoformat()


def delete_expired(folder: Path, today: str, days: int) -> list[str]:
    """Delete from ``folder/answers`` the days that are over by more than ``days``; which they were.

    Files of a day go before its folder, so that an interrupted deletion is finished the next time.
    Raises ``OSError`` where a day cannot be deleted.
    """
    answers = folder / "answers"
    found = [path.name for path in answers.iterdir()] if answers.is_dir() else []
    expired = overdue(found, today, days)
    for day in expired:
        shutil.rmtree(answers / day)
    return expired


def _is_day(name: str) -> bool:
    try:
        return date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False
