"""What was tried already, so that nothing is tried twice for the same reason.

Belongs here: reading the counts of earlier runs by intent. Does not belong here: counting them
(``situation.py``, ``traffic.py``), or what is worth a run (their decisions).
"""

from collections.abc import Mapping


class Attempts:
    """Of facts that know the earlier runs: ``attempts`` counts them by intent, ``interrupted``
    those that were cut off."""

    attempts: Mapping[str, int]
    interrupted: Mapping[str, int]

    def was_tried(self, intent: str) -> bool:
        """Whether a run of this intent came to an end, good or bad."""
        return self.attempts.get(intent, 0) > self.interrupted.get(intent, 0)

    def run_key(self, intent: str) -> str:
        """The intent, numbered where an earlier run of it was interrupted."""
        count = self.interrupted.get(intent, 0)
        return intent if count == 0 else f"{intent} ({count + 1})"
