"""Saying once that something is wrong, and once that it is over.

Belongs here: what is under way. Does not belong here: who is told (the server's alert).
"""

from collections.abc import Callable
from contextlib import suppress


class Incidents:
    """``alert`` is told the text of each incident when it begins, and when it ends. What it raises
    is nobody's business here: the log goes on."""

    def __init__(self, alert: Callable[[str], None]) -> None:
        self._alert = alert
        self._under_way: set[str] = set()

    def begin(self, kind: str, text: str) -> None:
        if kind not in self._under_way:
            self._under_way.add(kind)
            self.say(text)

    def end(self, kind: str, text: str) -> None:
        if kind in self._under_way:
            self._under_way.remove(kind)
            self.say(text)

    def say(self, text: str) -> None:
        with suppress(Exception):
            self._alert(text)
