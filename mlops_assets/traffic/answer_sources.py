"""Where the answers of a use case are read from: the servers' files, and their database.

Belongs here: the one interface and its two implementations. Does not belong here: which there are
(``logged_days.py``), reading files or tables (``serving/prediction_log/``), or what is made of what
is read (``day_log.py``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from mlops_assets.data.batch_error import BatchError
from mlops_assets.serving.prediction_log import reading
from mlops_assets.serving.prediction_log.completeness import Numbers, numbers_in_files
from mlops_assets.traffic.merging import Part, common_schema, file_parts, sorted_parts

if TYPE_CHECKING:
    from mlops_assets.serving.prediction_log.postgresql_answers import PostgresqlAnswers

FILES, SEGMENTS = "files", "segments"


class AnswersUnreadableError(BatchError):
    """A database of answers that refuses what it is asked; the text does not hold how it is
    reached."""


class AnswersAwayError(AnswersUnreadableError):
    """One that cannot be reached, or went away, and may come back."""


class AnswerSource(Protocol):
    """Answers of all days; a day is ``YYYY-MM-DD`` (UTC), a release its hash."""

    kind: str
    """The name of ``pieces`` in a day's manifest."""

    def days(self) -> list[str]:
        """The days there are answers of, in order."""
        ...

    def pieces(self, day: str) -> list[dict[str, Any]]:
        """What the day's answers come in, JSON-able, in order; none of them ever changes."""
        ...

    def releases(self, day: str) -> list[str]:
        """The releases that answered on the day, in order."""
        ...

    def schema(self, day: str, release: str) -> pa.Schema:
        """The columns of the release's answers; none where there are none. Raises ``BatchError``
        where they do not go together."""
        ...

    def parts(self, day: str, release: str) -> Iterator[Part]:
        """The release's answers, for ``merging.in_order``. Raises ``BatchError``."""
        ...

    def numbers(self) -> Numbers:
        """The sequences of all days, for ``completeness_of``."""
        ...


class FileAnswers:
    """The answers below ``served``, the use case's ``served/``; their servers delete them."""

    kind = FILES

    def __init__(self, served: Path) -> None:
        self._served = served

    def days(self) -> list[str]:
        return reading.days(self._served)

    def pieces(self, day: str) -> list[dict[str, Any]]:
        return [
            {"path": f"{path.parent.name}/{path.name}", "size": path.stat().st_size}
            for path in reading.files(self._served, day)
        ]

    def releases(self, day: str) -> list[str]:
        return reading.releases(self._served, day)

    def schema(self, day: str, release: str) -> pa.Schema:
        return common_schema(reading.files(self._served, day, release), day)

    def parts(self, day: str, release: str) -> Iterator[Part]:
        return file_parts(reading.files(self._served, day, release), day)

    def numbers(self) -> Numbers:
        return numbers_in_files(self._served)


class DatabaseAnswers:
    """The answers of a use case in PostgreSQL."""

    kind = SEGMENTS

    def __init__(self, answers: "PostgresqlAnswers") -> None:
        self._answers = answers

    def days(self) -> list[str]:
        return self._answers.days()

    def pieces(self, day: str) -> list[dict[str, Any]]:
        return [one._asdict() for one in self._answers.segments(day)]

    def releases(self, day: str) -> list[str]:
        return sorted({one.release for one in self._answers.segments(day)})

    def schema(self, day: str, release: str) -> pa.Schema:
        return self._answers.schema(day, release)

    def parts(self, day: str, release: str) -> Iterator[Part]:
        return sorted_parts(self._answers.tables(day, release))

    def numbers(self) -> Numbers:
        return self._answers.numbers()

    def kept_before(self, first_kept: str) -> list[str]:
        """The days before ``first_kept`` of which something is there, in order."""
        return self._answers.kept_before(first_kept)

    def delete_before(self, first_kept: str) -> list[str]:
        """Delete the days before ``first_kept``; which they were. The source is not read again."""
        return self._answers.delete_before(first_kept)


@contextmanager
def database_answers(connection: str, use_case: str) -> Iterator[DatabaseAnswers]:
    """The answers in the database that ``connection`` names, while the block lasts. Raises
    ``AnswersAwayError`` or ``AnswersUnreadableError``, here or in the block, where they cannot be
    had."""
    # Where no database is named, its client is not loaded.
    from mlops_assets.serving.prediction_log.postgresql_answers import PostgresqlAnswers
    from mlops_assets.serving.prediction_log.postgresql_tables import (
        DatabaseAwayError,
        DatabaseError,
    )

    try:
        with PostgresqlAnswers(connection, use_case) as answers:
            yield DatabaseAnswers(answers)
    except DatabaseAwayError as problem:
        raise AnswersAwayError(
            f"{problem}: it cannot be asked for answers; what is there is taken in, and deleted, "
            "when it is back: see that it runs, and that MLOPS_LOG_DATABASE names it"
        ) from None
    except DatabaseError as problem:
        raise AnswersUnreadableError(
            f"{problem}: it refuses to be asked for answers: see that MLOPS_LOG_DATABASE names a "
            "role that may read and delete them"
        ) from None
