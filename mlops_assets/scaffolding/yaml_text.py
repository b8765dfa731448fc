"""A guessed use case as the text of its ``defs.yaml``, with the reasons as comments.

Belongs here: layout, quoting and comments. Does not belong here: any guess
(``use_case_guess.py``), or writing the file (``scaffolder.py``).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from mlops_assets.scaffolding.batch_files import Database, Located
from mlops_assets.scaffolding.column_roles import ColumnGuess
from mlops_assets.scaffolding.source_sample import Sample
from mlops_assets.scaffolding.use_case_guess import UseCaseGuess
from mlops_assets.scaffolding.window_guess import SEED

TYPE_NAME = "mlops_assets.lifecycle.Lifecycle"
TODO = "TODO"

_HEAD = """\
# Written by dg scaffold from {rows} in {batches}.
# What it guessed stands as a comment beside the line that the guess decided: read these, correct
# what is wrong, and fill in each TODO. Every field is explained in mlops_assets/use_case.py.
type: {type_name}
"""


def to_yaml(
    guess: UseCaseGuess, located: Located, sample: Sample, *, title: str, folder: str
) -> str:
    """The complete text. ``folder`` is where the batches are, as the YAML is to say it."""
    sections = (
        _about(title, guess),
        _source(located, sample, folder),
        _target(guess),
        _columns(guess),
        *_privacy(guess),
        _training(guess, located),
        _policy(guess),
    )
    looked_at = sample.table.num_rows
    head = _HEAD.format(
        rows=_counted(sample.rows, "row")
        + (f" ({looked_at:,} of them looked at)" if looked_at < sample.rows else ""),
        batches=_counted(len(located.batches), "batch", "batches")
        + (f" ({len(sample.looked_at)} of them looked at)" if sample.looked_at else ""),
        type_name=TYPE_NAME,
    )
    return "\n".join([head + "\nattributes:", *("\n".join(lines) + "\n" for lines in sections)])


def scalar(value: Any) -> str:
    """A value as it stands in YAML, also inside ``{}``, on one line."""
    # What is not printable is escaped, which only double quotes allow, or it would end the line.
    odd = isinstance(value, str) and not value.isprintable()
    text: str = yaml.safe_dump(
        [value],
        default_flow_style=True,
        default_style='"' if odd else None,
        allow_unicode=not odd,
        width=float("inf"),
    )
    return text.strip()[1:-1]


def _counted(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _comment(*why: str) -> str:
    """A comment at the end of a line; nothing in it can end it."""
    said = "; ".join(reason for reason in why if reason)
    return f"  # {_one_line(said)}" if said else ""


def _about(title: str, guess: UseCaseGuess) -> list[str]:
    return [
        f"  title: {scalar(title)}",
        f"  description: {scalar(f'Predicts {guess.target.column}.')}"
        + _comment(f"{TODO}: what is asked, when, and whether it is about people"),
        "  owner: team:unknown" + _comment(f"{TODO}: an e-mail address or team:name"),
    ]


def _source(located: Located, sample: Sample, folder: str) -> list[str]:
    return [
        "  source:",
        *(_sql(located.database) if located.database else _files(located, sample, folder)),
        *_batches(located),
        "    licence: UNKNOWN" + _comment(f"{TODO}: SPDX identifier, or the terms of use"),
        "    terms: unknown"
        + _comment(f"{TODO}: what its owner asks of those who use it, or none"),
        "    licence_expires: never"
        + _comment(f"{TODO}: the last day of the licence, if it has one"),
        "    attribution: unknown" + _comment(f"{TODO}: the credit that must accompany the data"),
    ]


def _files(located: Located, sample: Sample, folder: str) -> list[str]:
    return [
        f"    folder: {scalar(folder)}",
        f"    pattern: {scalar(located.pattern)}" + _comment(_written(sample.written)),
    ]


def _sql(database: Database) -> list[str]:
    lines = ["    sql:", f"      database: {scalar(database.address)}"]
    if database.credentials is not None:
        where = f"in {database.credentials}_USER and {database.credentials}_PASSWORD"
        lines.append(f"      credentials: {scalar(database.credentials)}" + _comment(where))
    lines.append(f"      table: {scalar(database.table)}")
    if database.order_by:
        lines.append(f"      order_by: {_value(database.order_by)}" + _comment(database.order_why))
    else:
        lines.append("      # order_by is not set: rows come in the order of the primary key")
    return lines


def _batches(located: Located) -> list[str]:
    """What makes the batches, and which there are."""
    first, last = located.batches[0], located.batches[-1]
    there = f"{_counted(len(located.batches), 'batch', 'batches')}, {first} to {last}"
    if located.cut is not None:
        over = "; a period is a batch once it is over" if located.cut.period != "value" else ""
        return [
            "    batches:",
            f"      column: {scalar(located.cut.column)}" + _comment(located.cut.why),
            f"      period: {located.cut.period}" + _comment(there + over),
        ]
    named = there
    if located.is_copied:
        named = f"the first batch is {last}: name the next so that it sorts after it"
    if not located.padded:
        named += "; ORDERED AS TEXT: pad the numbers with zeros"
    return [f"    batch_name: {scalar(located.batch_name)}" + _comment(named)]


def _written(written: Any) -> str:
    if written is None:
        return ""
    return (
        f"fields end with {written.separator!r}, decimals with {written.decimal!r}, "
        f"{written.encoding}: detected in every file, unless said under delimited"
    )


def _target(guess: UseCaseGuess) -> list[str]:
    target = guess.target
    lines = ["  target:", f"    column: {scalar(target.column)}"]
    if target.task != "binary":
        lines.append(f"    task: {target.task}" + _comment(target.why_task))
    lines.append(f"    type: {target.type}" + _comment(target.why))
    if target.task == "regression":
        lines.append("    # minimum, maximum: set them only to what later batches will keep to")
        lines.append("    unit: ''" + _comment(f"{TODO}: what the number counts, such as minutes"))
    if target.classes:
        lines.append(f"    classes: {_value(target.classes)}")
    if target.positive is not None:
        lines += [
            f"    positive: {scalar(target.positive)}" + _comment(target.why_positive),
            f"    negative: {scalar(target.negative)}",
        ]
    means = {
        "binary": "what positive means",
        "multiclass": "what the classes mean",
        "regression": "what the number means",
    }
    said = f"    description: {scalar(_described(guess))}"
    return [*lines, said + _comment(f"{TODO}: {means[target.task]}")]


def _described(guess: UseCaseGuess) -> str:
    target = guess.target
    if target.task != "binary":
        kind = "class" if target.task == "multiclass" else "number"
        return f"the {kind} in {target.column}"
    usual = "1" if target.type == "integer" else "true"
    return f"{target.column} is {usual if target.positive is None else target.positive}"


def _columns(guess: UseCaseGuess) -> list[str]:
    lines = [
        "  # role: input (the default), sensitive (reported on, never an input), leak (known only",
        "  # after the outcome), or ignored. A value outside minimum, maximum or values sends its",
        "  # row to the quarantine, so set them only to what later batches will keep to.",
        "  columns:",
    ]
    lines += [_column(column) for column in guess.columns]
    for name, why in guess.undeclared.items():
        lines.append(f"    # {scalar(name)} is left out: {_one_line(why)}")
    return lines


def _privacy(guess: UseCaseGuess) -> list[list[str]]:
    """A proposal only: what singles people out beside them is not for a guess."""
    sensitive = [c.name for c in guess.columns if c.fields.get("role") == "sensitive"]
    if len(sensitive) < 2:
        return []
    together = _one_line(f"quasi_identifiers: {_value(sensitive)}")
    return [
        [
            "  # To report how many rows share each combination of what may single a person out:",
            f"  # privacy: {{{together}}}",
        ]
    ]


def _policy(guess: UseCaseGuess) -> list[str]:
    """The class is a proposal: what the answers are used for is not in the data."""
    about_people = [c.name for c in guess.columns if c.fields.get("role") == "sensitive"]
    found = _one_line(f"{', '.join(about_people)} are about people") if about_people else ""
    high = f"{TODO}: high for the uses of Annex III of the EU AI Act (employment, credit, ...)"
    return [
        "  policy:",
        f"    ai_act_class: {'limited' if about_people else 'minimal'}" + _comment(found, high),
        "    class_reason: ''" + _comment(f"{TODO}: why it is in this class"),
        "    purpose: ''" + _comment(f"{TODO}: what the answers are used for, and what not"),
        "    people_affected: ''" + _comment(f"{TODO}: whom decisions are about, or nobody"),
    ]


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _column(column: ColumnGuess) -> str:
    return f"    {scalar(column.name)}: {_flow(column.fields)}" + _comment(*column.why)


def _flow(fields: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {_value(value)}" for name, value in fields.items()) + "}"


def _value(value: Any) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "[" + ", ".join(scalar(item) for item in value) + "]"
    return scalar(value)


def _training(guess: UseCaseGuess, located: Located) -> list[str]:
    there = len(located.batches)
    lines = [
        "  training:",
        f"    first_batches: {guess.first_batches}"
        + _comment(f"of the {there} that are there" if there > 1 else ""),
        "    window: all",
        f"    seed: {SEED}",
    ]
    if guess.time_column is not None:
        time_column = f"      time_column: {scalar(guess.time_column)}"
        lines += ["    split:", time_column + _comment(guess.time_why)]
    else:
        lines.append(f"    # split.time_column is not set: {guess.time_why}")
    if guess.folds is not None:
        few = {
            "binary": "the first rows have too few of the rarer class",
            "multiclass": "the first rows have too few of the rarest class",
            "regression": "there are few rows",
        }
        why = f"fewer than usual: {few[guess.target.task]}"
        lines += ["    search:", f"      folds: {guess.folds}" + _comment(why)]
    return lines
