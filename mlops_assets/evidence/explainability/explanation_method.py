"""How an explanation was computed, and why so: the last section of its page.

Belongs here: the method in words. Does not belong here: choosing it (``attribution.py``).
"""

from typing import Any

from mlops_assets.reporting.page import Section
from mlops_assets.reporting.text import Text, join, mark, say

EXPLAINERS = {
    "trees": mark(
        "They are exact: the file's scores are sums of trees, and the values of each tree were "
        "computed from the tree itself, with all encoded columns of a raw column switched together."
    ),
    "additive": mark(
        "They are exact: the file's scores are sums over its columns, so that what a column adds "
        "to one row it adds to any."
    ),
    "sampling": mark(
        "They are estimated, as {reason}: columns are revealed one by one in random orders, "
        "forwards and backwards, in {replicates:,} independent parts of the background, whose "
        "scatter gives the standard errors. The largest standard error of a share is {error}."
    ),
}


def method_section(explanation: dict[str, Any]) -> Section:
    """What was explained, by which explainer and why, of how many rows, and how well it adds up."""
    method, added = explanation["method"], explanation["additivity"]
    text = [
        say(
            "What is explained is the released file itself, from raw columns to answers. "
            "Contributions are interventional Shapley values: the difference a column makes when "
            "it is revealed, with what is not revealed taken from background rows, averaged over "
            "all orders of revealing."
        ),
        _explainer(method),
        say(
            "{rows:,} rows were explained against {background:,} background rows; the file "
            "answered {evaluations:,} times.",
            rows=method["rows"],
            background=method["background_rows"],
            evaluations=method["evaluations"],
        ),
        *_fewer(method),
        _added(explanation["task"], added),
        say(
            "Intervals are percentile intervals of {resamples:,} bootstrap resamples of the "
            "explained rows.",
            resamples=method["resamples"],
        ),
    ]
    return Section(say("How this was computed"), join(text, "\n\n"))


def _explainer(method: dict[str, Any]) -> Text:
    template = EXPLAINERS[method["explainer"]]
    if method["exact"]:
        return say(template)
    return say(
        template,
        reason=say(method["reason"]),
        replicates=method["replicates"],
        error=method["share_error"],
    )


def _fewer(method: dict[str, Any]) -> tuple[Text, ...]:
    if method["rows"] == method["rows_given"]:
        return ()
    template = mark("{given:,} rows were at hand; fewer were explained to bound the work.")
    return (say(template, given=method["rows_given"]),)


def _added(task: str, added: dict[str, Any]) -> Text:
    """How well contributions come to the answers of the file."""
    if task == "regression":
        return say(
            "For every explained row, contributions were added up and compared with what the file "
            "answers: they are at most {gap} standard deviations of its predictions apart.",
            gap=added["largest_gap"],
        )
    return say(
        "For every explained row, contributions were added up, turned into probabilities and "
        "compared with what the file answers: they are at most {gap} apart.",
        gap=added["largest_gap"],
    )
