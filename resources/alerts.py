"""Alerts of the pipeline: telling people that something failed.

Belongs here: the log and the environment's channels. Does not belong here: what is worth an alert
(``sensors/``), or sending one (``mlops_assets/serving/alert_channels.py``).
"""

import logging
import os

from mlops_assets.serving.alert_channels import CHANNELS_VARIABLE, notify

__all__ = ["CHANNELS_VARIABLE", "alert"]
logger = logging.getLogger("mlops_assets.alerts")


def alert(title: str, message: str) -> bool:
    """Log an alert and send it to every configured channel; whether all channels took it."""
    logger.error("%s: %s", title, message)
    urls = os.environ.get(CHANNELS_VARIABLE, "").split()
    if not urls or notify(urls, title, message):
        return True
    # The URL is not named: it may hold a secret.
    logger.error("an alert channel of %s did not take the alert", CHANNELS_VARIABLE)
    return False
