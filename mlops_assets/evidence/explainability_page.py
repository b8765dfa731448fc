"""The explainability report as a page: what moves the answers, in words, tables and pictures.

Belongs here: composing the page from the report's data alone. Does not belong here: computing
anything (``explainability.py``) or how pages look (``reporting/``).
"""

from typing import Any

from mlops_assets.reporting.cell_text import number_text
from mlops_assets.reporting.page import (
    BarPlot,
    Cell,
    Line,
    LinePlot,
    Page,
    Section,
    SwarmPlot,
    Table,
)

LEADING_NAMED = 3
MOST_BARS = 20
MOST_SWARMS = 15
MOST_CONTRIBUTIONS = 10
VALUE_DIGITS = 6
AXES = {"time of day": "hours since midnight", "day of week": "day of the week"}

Value = str | int | float | bool | None
"""A raw value as JSON holds it: a moment is ISO text."""


def explainability_page(report: dict[str, Any]) -> Page:
    """The page of a report with the keys ``use_case`` (its title), ``target`` (meaning of the
    positive class), ``subject`` (hashes by artifact) and ``explanation`` (of
    ``explainability.explain``)."""
    explanation = report["explanation"]
    method, added = explanation["method"], explanation["additivity"]
    return Page(
        title=f"Explainability: {report['use_case']}",
        verdict=_verdict(explanation),
        facts=(
            ("Positive class", report["target"] or None),
            ("Explained rows", method["rows"]),
            ("Background rows", method["background_rows"]),
            ("Mean answer on the background", explanation["base_value"]["value"]),
            ("Largest gap of the sum", added["largest_gap"]),
            ("Allowed gap", added["limit"]),
            *((f"Hash of {name}", value) for name, value in report["subject"].items()),
        ),
        sections=(
            _global_section(explanation),
            _points_section(explanation),
            *_effects_sections(explanation),
            _examples_section(explanation),
            _method_section(explanation),
        ),
    )


def _verdict(explanation: dict[str, Any]) -> str:
    added = explanation["additivity"]
    gap, limit = number_text(added["largest_gap"]), number_text(added["limit"])
    if not added["holds"]:
        return (
            "Do not rely on this explanation: its contributions do not add up to the model's "
            f"answers. The largest gap is {gap}, allowed is {limit}."
        )
    leaders = explanation["global"][:LEADING_NAMED]
    if leaders[0]["share"] is None:
        return "No column moves the model's answers: they are the same on every row."
    names = [leader["column"] for leader in leaders]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    carried = sum(leader["share"] for leader in leaders)
    verb = "carries" if len(names) == 1 else "carry"
    return (
        f"{listed} {verb} {carried:.0%} of what moves the model's answers. Contributions add up to "
        f"the answers: the largest gap is {gap}, allowed is {limit}."
    )


def _global_section(explanation: dict[str, Any]) -> Section:
    ranking, method = explanation["global"], explanation["method"]
    shown = ranking[:MOST_BARS]
    bars = BarPlot(
        f"Mean absolute SHAP value of {_leading(shown, ranking)}",
        "mean absolute change of the probability",
        tuple(entry["column"] for entry in shown),
        tuple(entry["mean_absolute"] for entry in shown),
    )
    fields = ("mean_absolute", "low", "high", "share", "share_low", "share_high", "standard_error")
    table = Table(
        f"Every column, with {method['confidence']:.0%} intervals",
        (
            "Column",
            "Mean |SHAP|",
            "Mean, low",
            "Mean, high",
            "Share",
            "Share, low",
            "Share, high",
            "Standard error",
        ),
        tuple((entry["column"], *(entry[field] for field in fields)) for entry in ranking),
    )
    return Section(
        "What moves the answers",
        "How far each column moves the probability of a row on average, up or down. The shares add "
        "up to 1. Intervals say how much depends on which rows were drawn; the standard error is "
        "that of a single row's value, from the permutations and the background drawn.",
        (bars, table),
    )


def _leading(shown: list[Any], whole: list[Any]) -> str:
    if len(shown) == len(whole):
        return "each column"
    return f"the {len(shown)} leading columns of {len(whole)}"


def _points_section(explanation: dict[str, Any]) -> Section:
    points = explanation["points"]
    shown = points[:MOST_SWARMS]
    rows = explanation["method"]["rows"]
    swarm = SwarmPlot(
        f"SHAP values of {rows} rows for {_leading(shown, points)}, by the column's own value",
        "change of the probability",
        tuple(one["column"] for one in shown),
        tuple(tuple(one["values"]) for one in shown),
        tuple(tuple(one["levels"]) for one in shown),
    )
    return Section(
        "In which direction",
        "Each point is one row: right of zero the column raised its probability, left it lowered "
        "it. Colour and marker tell whether the column's own value was low or high among these "
        "rows (of a timestamp: early or late in the day); categories and missing values have no "
        "order.",
        (swarm,),
    )


def _effects_sections(explanation: dict[str, Any]) -> tuple[Section, ...]:
    effects = explanation["effects"]
    if not effects:
        return ()
    text = (
        "Every row is asked again with one column set to each value and the rest kept. Thin lines "
        "are single rows (ICE), the strong line is the mean over all of them (partial dependence). "
        "Columns that go together are torn apart by this: combinations may occur that never do."
    )
    missing = [
        f"With {effect['column']} missing, the mean is {number_text(effect['mean_where_missing'])}."
        for effect in effects
        if effect["mean_where_missing"] is not None
    ]
    paragraphs = "\n\n".join([text, *([" ".join(missing)] if missing else [])])
    plots = tuple(_effect_plot(effect) for effect in effects if effect["positions"])
    return (Section("What happens when one column changes", paragraphs, plots),)


def _effect_plot(effect: dict[str, Any]) -> LinePlot:
    x = tuple(effect["positions"])
    thin = tuple(Line("single rows", x, tuple(c), strong=False) for c in effect["curves"])
    mean = Line(f"mean of {effect['rows']} rows", x, tuple(effect["mean"]))
    column, varied = effect["column"], effect["varied"]
    what = column if varied == "value" else f"the {varied} of {column}"
    errors = [error for error in effect["standard_error"] if error is not None]
    error = f"; standard error of the mean up to {number_text(max(errors))}" if errors else ""
    return LinePlot(
        f"Probability by {what}: {len(thin)} single rows and the mean{error}",
        column if varied == "value" else f"{column}: {AXES[varied]}",
        "probability",
        (*thin, mean),
        categories=None if effect["labels"] is None else tuple(effect["labels"]),
    )


def _examples_section(explanation: dict[str, Any]) -> Section:
    base = number_text(explanation["base_value"]["value"])
    intro = (
        f"What made up single answers, starting from the mean answer {base}. Only the model's "
        "inputs are shown; nothing says which row it was."
    )
    said = [f"{_name(example)}: {example['words']}." for example in explanation["examples"]]
    tables = tuple(_example_table(example) for example in explanation["examples"])
    return Section("Single answers", "\n\n".join([intro, *said]), tables)


def _name(example: dict[str, Any]) -> str:
    outcomes = {True: ", outcome positive", False: ", outcome negative", None: ""}
    kind = example["kind"][0].upper() + example["kind"][1:]
    return f"{kind} ({number_text(example['probability'])}{outcomes[example['positive']]})"


def _example_table(example: dict[str, Any]) -> Table:
    contributions = example["contributions"]
    rows: list[tuple[Cell, ...]] = [
        (
            one["column"],
            value_text(one["value"]),
            one["contribution"],
            one["standard_error"],
        )
        for one in contributions[:MOST_CONTRIBUTIONS]
    ]
    if rest := contributions[MOST_CONTRIBUTIONS:]:
        total = sum(one["contribution"] for one in rest)
        rows.append((f"{len(rest)} other columns", "", total, ""))
    headings = ("Column", "Value", "Contribution", "Standard error")
    return Table(_name(example), headings, tuple(rows))


def value_text(value: Value) -> str:
    """A raw value as text, without thousands separators: it may be a code or a clock time."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.{VALUE_DIGITS}g}" if isinstance(value, float) else str(value)


def _method_section(explanation: dict[str, Any]) -> Section:
    method, base = explanation["method"], explanation["base_value"]
    text = (
        "The function explained is the released model itself, from raw columns to probability. "
        "Contributions are interventional SHAP values: the difference a column makes when it is "
        "revealed, with what is not revealed taken from the background, averaged over orders of "
        "revealing. Orders are sampled, forwards and backwards, which is exact for a model whose "
        "columns act at most in pairs.\n\n"
        f"{method['rows']:,} rows were explained against {method['background_rows']:,} background "
        f"rows in {method['replicates']} independent parts, whose scatter gives the standard "
        f"errors; the model answered {method['evaluations']:,} times. The mean answer on the "
        f"background is {number_text(base['value'])}"
    )
    if base["standard_error"] is not None:
        text += f", with a standard error of {number_text(base['standard_error'])}"
    return Section(
        "How this was computed",
        f"{text}. Intervals are percentile intervals of {method['resamples']:,} bootstrap "
        "resamples of the explained rows.",
    )
