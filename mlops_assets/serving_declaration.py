"""How a release is served, logged and tried out, as a use case declares it.

Belongs here: every field below ``serving`` in ``defs.yaml``. Does not belong here: how one server
is run, such as its address and its limits on a request (``serving/settings.py``), or what a
promotion must show (``policy_declaration.py``).
"""

from typing import Annotated

from pydantic import Field

from mlops_assets.specification import Specification

RETENTION_DAYS = 183
"""Six months, which the EU AI Act (articles 19 and 26) asks of the logs of high-risk systems."""

Positive = Annotated[float, Field(gt=0.0)]


class Budget(Specification):
    """What a server of the release may take. The check before a release measures it; the operations
    report holds real traffic to it, day by day."""

    p99_milliseconds: Positive = 50.0
    """99th percentile of the time from a request's last byte to its answer, one row a request."""
    memory_megabytes: Positive = 300.0
    """Largest resident memory of the server's process."""
    start_seconds: Positive = 10.0
    """From the start of the process until it is ready."""


class AbTest(Specification):
    """What an A/B or shadow test of a challenger is planned for."""

    minimum_effect: Positive = 0.005
    """Smallest difference of the mean loss (see ``answers.row_losses``) that is worth finding."""
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    """At which the difference is shown, whenever one looks."""
    power: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.8
    """Chance of finding a difference of ``minimum_effect`` with the planned number of rows."""
    min_labelled: Annotated[int, Field(ge=1)] = 200
    """Fewest labelled answers of each variant before anything is concluded."""


class Serving(Specification):
    """How the release is served and what is kept of its answers."""

    row_id: str | None = None
    """The column that names a row, and is sent beside the inputs: labels that arrive later are
    joined to the logged answers by it."""
    entity_id: str | None = None
    """The column whose value decides which variant of an A/B test answers, so that one customer,
    say, always gets the same. Without it, the row's id; without that, the request's."""
    retention_days: Annotated[int, Field(ge=1)] = RETENTION_DAYS
    """How long answers are kept; older ones are deleted."""
    budget: Budget = Budget()
    ab_test: AbTest = AbTest()
