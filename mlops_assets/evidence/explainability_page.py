"""The explainability report as a page: what moves the answers, in words, tables and pictures.

Belongs here: the head of the page, and what it says of all rows together. Does not belong here:
computing anything (``explainability.py``), what columns do when they change and single answers
(``explained_sections.py``), or how pages look (``reporting/``).
"""

from typing import Any

from mlops_assets.evidence.explained_sections import effects_sections, examples_section
from mlops_assets.evidence.explanation_words import words_of
from mlops_assets.reporting.cell_text import number_text
from mlops_assets.reporting.page import BarPlot, Cell, Page, Section, SwarmPlot, Table

LEADING_NAMED = 3
MOST_BARS = 20
MOST_SWARMS = 15
MOST_CLASS_COLUMNS = 8
MEANINGS = {
    "binary": "Positive class",
    "multiclass": "Meaning of the classes",
    "regression": "Predicted number",
}


def explainability_page(report: dict[str, Any]) -> Page:
    """The page of a report with the keys ``use_case`` (its title), ``target`` (what is predicted,
    in words), ``subject`` (hashes by artifact) and ``explanation`` (of ``explainability.explain``).
    """
    explanation = report["explanation"]
    method, added = explanation["method"], explanation["additivity"]
    return Page(
        title=f"Explainability: {report['use_case']}",
        verdict=_verdict(explanation),
        facts=(
            (MEANINGS[explanation["task"]], report["target"] or None),
            ("Explained rows", method["rows"]),
            ("Background rows", method["background_rows"]),
            *_mean_answer(explanation),
            ("Largest gap of the sum", added["largest_gap"]),
            ("Allowed gap", added["limit"]),
            *((f"Hash of {name}", value) for name, value in report["subject"].items()),
        ),
        sections=(
            _global_section(explanation),
            *_classes_section(explanation),
            _points_section(explanation),
            *effects_sections(explanation),
            examples_section(explanation),
            _method_section(explanation),
        ),
    )


def _mean_answer(explanation: dict[str, Any]) -> tuple[tuple[str, Cell], ...]:
    """Of a model with one answer; the others have a table."""
    outputs = explanation["outputs"]
    if explanation["task"] == "multiclass":
        return (("Classes", len(outputs)),)
    unit = (("Unit", explanation["unit"]),) if explanation["unit"] else ()
    return (*unit, ("Mean answer on the background", outputs[0]["base_value"]))


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
    ranking, words = explanation["global"], words_of(explanation)
    shown = ranking[:MOST_BARS]
    bars = BarPlot(
        f"Mean absolute SHAP value of {_leading(shown, ranking)}",
        words.any_change,
        tuple(entry["column"] for entry in shown),
        tuple(entry["mean_absolute"] for entry in shown),
    )
    over = "of a row on average"
    if explanation["task"] == "multiclass":
        over = f"on average over all rows and all {len(explanation['outputs'])} classes"
    return Section(
        "What moves the answers",
        f"How far each column moves {words.any_answer} {over}, up or down. The shares add "
        "up to 1. Intervals say how much depends on which rows were drawn; the standard error is "
        "that of a single row's value, from the permutations and the background drawn.",
        (bars, _global_table(explanation)),
    )


def _global_table(explanation: dict[str, Any]) -> Table:
    fields = ("mean_absolute", "low", "high", "share", "share_low", "share_high", "standard_error")
    return Table(
        f"Every column, with {explanation['method']['confidence']:.0%} intervals",
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
        tuple((e["column"], *(e[field] for field in fields)) for e in explanation["global"]),
    )


def _classes_section(explanation: dict[str, Any]) -> tuple[Section, ...]:
    """Each class, and what moves it; nothing where there is one answer only."""
    if explanation["task"] != "multiclass":
        return ()
    outputs = explanation["outputs"]
    classes = Table(
        "Every class",
        ("Class", "Mean answer on the background", "Standard error", "Moved by", "Largest gap"),
        tuple(
            (
                o["output"],
                o["base_value"],
                o["standard_error"],
                o["mean_absolute"],
                o["largest_gap"],
            )
            for o in outputs
        ),
    )
    order = sorted(range(len(outputs)), key=lambda k: -outputs[k]["mean_absolute"])
    kept = sorted(order[:MOST_CLASS_COLUMNS])
    rest = len(outputs) - len(kept)
    others = f"; {rest} classes that are moved less are in report.json only" if rest else ""
    by_class = Table(
        f"Mean |SHAP| of every column by class{others}",
        ("Column", *(outputs[k]["output"] for k in kept)),
        tuple(
            (entry["column"], *(entry["by_output"][k] for k in kept))
            for entry in explanation["global"]
        ),
    )
    text = (
        "How far each column moves the probability of each class of a row on average, up or down. "
        "What raises one class lowers others, for they add up to 1. A class is moved by the sum "
        f"over its columns. {_shown_sentence(explanation)}"
    )
    return (Section("What moves each class", text.rstrip(), (classes, by_class)),)


def _shown_sentence(explanation: dict[str, Any]) -> str:
    """Which classes the plots leave out."""
    shown, outputs = explanation["shown"], explanation["outputs"]
    if len(shown) == len(outputs):
        return ""
    return (
        f"The plots below show the {len(shown)} of {len(outputs)} classes that the columns move "
        f"most, {', '.join(shown)}; the others are left out."
    )


def _leading(shown: list[Any], whole: list[Any]) -> str:
    if len(shown) == len(whole):
        return "each column"
    return f"the {len(shown)} leading columns of {len(whole)}"


def _points_section(explanation: dict[str, Any]) -> Section:
    words = words_of(explanation)
    return Section(
        "In which direction",
        f"Each point is one row: right of zero the column raised {words.any_answer}, left it "
        "lowered it. Colour and marker tell whether the column's own value was low or high among "
        "these rows (of a timestamp: early or late in the day); categories and missing values have "
        "no order.",
        tuple(_swarm(explanation, output) for output in explanation["shown"]),
    )


def _swarm(explanation: dict[str, Any], output: str | None) -> SwarmPlot:
    points = [one for one in explanation["points"] if one["output"] == output]
    shown, rows = points[:MOST_SWARMS], explanation["method"]["rows"]
    whole = explanation["global"]
    of = "" if output is None else f" of {output}"
    return SwarmPlot(
        f"SHAP values{of}, {rows} rows, for {_leading(shown, whole)}, by the column's own value",
        words_of(explanation).change(output),
        tuple(one["column"] for one in shown),
        tuple(tuple(one["values"]) for one in shown),
        tuple(tuple(one["levels"]) for one in shown),
    )


def _method_section(explanation: dict[str, Any]) -> Section:
    method, words = explanation["method"], words_of(explanation)
    text = (
        f"The function explained is the released model itself, from raw columns to "
        f"{words.all_answers}. "
        "Contributions are interventional SHAP values: the difference a column makes when it is "
        "revealed, with what is not revealed taken from the background, averaged over orders of "
        "revealing. Orders are sampled, forwards and backwards, which is exact for a model whose "
        "columns act at most in pairs.\n\n"
        f"{method['rows']:,} rows were explained against {method['background_rows']:,} background "
        f"rows in {method['replicates']} independent parts, whose scatter gives the standard "
        f"errors; the model answered {method['evaluations']:,} times."
    )
    if method["rows"] < method["rows_given"]:
        text += (
            f" {method['rows_given']:,} rows were at hand; fewer were explained to bound the work, "
            "which grows with the columns and classes."
        )
    if explanation["task"] != "multiclass":
        text += f" {_base_sentence(explanation)}"
    return Section(
        "How this was computed",
        f"{text} Intervals are percentile intervals of {method['resamples']:,} bootstrap "
        "resamples of the explained rows.",
    )


def _base_sentence(explanation: dict[str, Any]) -> str:
    (base,), words = explanation["outputs"], words_of(explanation)
    text = f"The mean answer on the background is {words.amount(base['base_value'])}"
    if base["standard_error"] is not None:
        text += f", with a standard error of {number_text(base['standard_error'])}"
    return f"{text}."
