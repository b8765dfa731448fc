"""Alerts: telling people that something failed.

Belongs here: the channels. Does not belong here: what is worth an alert (``sensors/``).
"""

import logging
import os

CHANNELS_VARIABLE = "MLOPS_ALERT_URLS"
"""Environment variable with Apprise URLs separated by spaces; they may hold secrets."""

logger = logging.getLogger("mlops_assets.alerts")


def alert(title: str, message: str) -> bool:
    """Log an alert and send it to every configured channel; whether all channels took it."""
    logger.error("%s: %s", title, message)
    urls = os.environ.get(CHANNELS_VARIABLE, "").split()
    if not urls:
        return True
    import apprise

    channels = apprise.Apprise()
    # Apprise logs a URL that it does not understand, and that may hold a secret.
    own_log = logging.getLogger("apprise")
    own_log.disabled = True
    try:
        understood = [channels.add(url) for url in urls]
    finally:
        own_log.disabled = False
    delivered = channels.notify(title=title, body=message)
    if not (all(understood) and delivered):
        # The URL is not named: it may hold a secret.
        logger.error("an alert channel of %s did not take the alert", CHANNELS_VARIABLE)
        return False
    return True
