"""What is wrong with the training rows, or far from the newest ones, as sections of the risk page.

Belongs here: the words, tables and plots of these tests. Does not belong here: the tests
(``label_noise.py``, ``outliers.py``, ``mismatch.py``, ``envelope.py``) or the page
(``risk_page.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.reporting.page import Cell, Interval, IntervalPlot, Section, Table
from mlops_assets.reporting.text import Text, join, mark, say

Report = Mapping[str, Any]
MOST_NAMED = 20
BLOCK_KINDS = {"category": mark("category"), "batch": mark("batch")}


def training_data_sections(report: Report) -> tuple[Section, ...]:
    return (
        _labels_section(report),
        _outliers_section(report),
        _mismatch_section(report),
        _envelope_section(report),
    )


def _labels_section(report: Report) -> Section:
    evidence, title = report["tests"]["labels"], say("Training labels")
    if evidence["problem"] is not None:
        return Section(
            title, say("No model could be fitted: {problem}.", problem=evidence["problem"])
        )
    blocks = []
    if evidence["named"]:
        blocks.append(_named_table(evidence["named"][:MOST_NAMED]))
    confident = evidence["confident"]
    if confident is not None and confident["rows"]:
        caption = say("Train rows to look at first, by batch and position among the train rows")
        positions = _positions_by_batch(confident["rows"])
        blocks.append(Table(caption, (say("Batch"), say("Positions")), positions))
    return Section(title, join(_label_words(report)), tuple(blocks))


def _positions_by_batch(rows: Sequence[Report]) -> tuple[tuple[Cell, ...], ...]:
    """One line a batch, in the order in which its first row is to be looked at."""
    found: dict[str, list[Text]] = {}
    for one in rows:
        found.setdefault(one["batch"], []).append(say("{position:,}", position=one["train_row"]))
    return tuple((batch, join(positions, "; ")) for batch, positions in found.items())


def _label_words(report: Report) -> list[Text]:
    evidence = report["tests"]["labels"]
    whole = next(one for one in report["findings"] if one["measure"] == "suspect_labels")
    said = [
        say(
            "{rows:,} train rows and {held_out_rows:,} held-out rows of the same period were "
            "scored by models that had seen neither. Labels of the train rows disagree with the "
            "scores as if {value:.1%} of them were flipped at random beyond those of the held-out "
            "rows ({low:.1%} to {high:.1%}).",
            **{name: evidence[name] for name in ("rows", "held_out_rows")},
            **{name: whole[name] for name in ("value", "low", "high")},
        )
        if whole["value"] is not None
        else say("There are too few held-out rows to compare the labels with.")
    ]
    if evidence["confident"] is not None:
        said.append(
            say(
                "The models confidently disagree with {train:.1%} of the train labels and with "
                "{held_out:.1%} of the held-out ones.",
                train=evidence["confident"]["train_share"],
                held_out=evidence["confident"]["held_out_share"],
            )
        )
    said.append(
        say(
            "{blocks:,} categories and {batches:,} batches were compared; {named:,} of them "
            "certainly hold flipped labels.",
            blocks=evidence["blocks_compared"],
            batches=evidence["batches_compared"],
            named=len(evidence["named"]),
        )
    )
    if evidence["uniform_at_most"] is not None:
        said.append(
            say(
                "Labels flipped in all rows alike, held-out ones too, cannot be told from a hard "
                "problem; they can be {share:.1%} at most.",
                share=evidence["uniform_at_most"],
            )
        )
    return said


def _named_table(named: list[dict[str, Any]]) -> Table:
    return Table(
        say("Where labels are flipped"),
        (say("Kind"), say("Block"), say("Rows"), say("Flipped"), say("At least")),
        tuple(
            (say(BLOCK_KINDS[one["kind"]]), one["block"], one["rows"], one["value"], one["low"])
            for one in named
        ),
    )


def _outliers_section(report: Report) -> Section:
    evidence, title = report["tests"]["outliers"], say("Training rows")
    if evidence["alone"] is None or evidence["alone"]["farther"] is None:
        return Section(title, say("There are too few held-out rows to compare the rows with."))
    alone = evidence["alone"]
    said = [
        say(
            "{farther:.2%} of the train rows are unlike all others, and {held_out:.2%} of the "
            "held-out ones.",
            farther=alone["farther"],
            held_out=alone["farther_held_out"],
        ),
        say(
            "{cells:,} values and pairs of values were searched for rows that were planted with "
            "one label; a plant in {smallest:.1%} of the days or rows would have been seen.",
            cells=evidence["cells_compared"],
            smallest=evidence["smallest_seen"],
        ),
    ]
    cells = tuple((", ".join(one["columns"]), one["rows"]) for one in evidence["cells"])
    if not cells:
        said.append(say("None was found."))
        return Section(title, join(said))
    table = Table(say("Values that look planted"), (say("Columns"), say("Rows")), cells)
    return Section(title, join(said), (table,))


def _mismatch_section(report: Report) -> Section:
    found = [one for one in report["findings"] if one["measure"] == "training_production_distance"]
    plot = IntervalPlot(
        say("Distance of the newest rows from the train rows, by column, with 95% intervals"),
        say("Jensen-Shannon distance"),
        tuple(
            Interval(one["subject"] or say("all together"), one["value"], one["low"], one["high"])
            for one in found
        ),
    )
    evidence = report["tests"]["mismatch"]
    text = say(
        "How far the {newest_rows:,} newest rows are from {rows:,} train rows, from 0 for equal to "
        "1 for disjoint. All columns together are judged by what a classifier can tell apart on "
        "days that it was not fitted on.",
        **{name: evidence[name] for name in ("newest_rows", "rows")},
    )
    return Section(say("Training and newest rows"), text, (plot,))


def _envelope_section(report: Report) -> Section:
    evidence = report["tests"]["envelope"]
    said = [
        say(
            "{outside:,} of the {rows:,} newest rows are outside the input envelope, {alone:,} of "
            "them by a single value; {share:.0%} would be usual. Outside of it the model should "
            "abstain.",
            outside=evidence["outside"],
            rows=evidence["rows"],
            alone=evidence["outside_alone"],
            share=evidence["calibrated_share"],
        )
    ]
    pair = (evidence["loss_inside"], evidence["loss_outside"])
    if any(one["value"] is None for one in pair):
        return Section(say("Input envelope"), join(said))
    helps = pair[1]["low"] > pair[0]["high"]
    said.append(
        say("Abstaining helps: answers outside certainly cost more.")
        if helps
        else say("It is not shown that answers outside cost more.")
    )
    plot = IntervalPlot(
        say("Mean loss inside and outside the envelope, with 95% intervals"),
        say("mean loss"),
        tuple(
            Interval(label, one["value"], one["low"], one["high"])
            for label, one in zip((say("inside"), say("outside")), pair, strict=True)
        ),
    )
    return Section(say("Input envelope"), join(said), (plot,))
