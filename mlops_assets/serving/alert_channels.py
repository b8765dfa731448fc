"""The channels that alerts go out by, besides the log.

Belongs here: sending one. Does not belong here: what is worth an alert, in a server
(``alerting.py``) or in the pipeline (``sensors/failures.py``).
"""

import logging
from collections.abc import Sequence
from importlib.util import find_spec

CHANNELS_VARIABLE = "MLOPS_ALERT_URLS"
"""Environment variable with Apprise URLs separated by spaces; they may hold secrets."""


def notify(urls: Sequence[str], title: str, text: str) -> bool:
    """Send an alert to every channel; whether all took it, which none does without Apprise."""
    if find_spec("apprise") is None:
        return False
    import apprise

    channels = apprise.Apprise()
    # Apprise logs a URL that it does not understand, and that may hold a secret.
    own_log = logging.getLogger("apprise")
    own_log.disabled = True
    try:
        understood = [channels.add(url) for url in urls]
    finally:
        own_log.disabled = False
    return bool(channels.notify(title=title, body=text)) and all(understood)
