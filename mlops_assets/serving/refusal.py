"""Why a request is not answered.

Belongs here: the one error that becomes an HTTP status. Does not belong here: who raises it.
"""

from typing import Literal

Kind = Literal[
    "malformed",
    "invalid_input",
    "too_large",
    "too_slow",
    "unauthenticated",
    "forbidden",
    "not_found",
    "method",
    "media_type",
    "overloaded",
    "internal",
]
"""What the metric of errors is divided by."""

STATUS: dict[Kind, int] = {
    "malformed": 400,
    "invalid_input": 400,
    "too_large": 413,
    "too_slow": 408,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "method": 405,
    "media_type": 415,
    "overloaded": 503,
    "internal": 500,
}


class RefusalError(Exception):
    """A request that is not answered; its text is shown to who asked, and holds no value sent."""

    def __init__(self, kind: Kind, problem: str) -> None:
        super().__init__(problem)
        self.kind = kind

    @property
    def status(self) -> int:
        return STATUS[self.kind]
