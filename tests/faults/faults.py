"""The faults that are planted in the rows, one function each.

Belongs here: changing the rows of a batch. Does not belong here: drawing them
(``planted_project.py``), faults of the evidence (``test_fault_matrix.py``), or which check has to
catch what.
"""

import numpy as np
from planted_project import BATCHES, Rows

Generator = np.random.Generator


def leak(batch: str, rows: Rows, rng: Generator) -> Rows:
    """A column that is known only once the loan is repaid."""
    del batch
    return rows.assign(reminders=rng.poisson(np.where(rows["repaid"] == 1, 0.2, 6.0)))


def label_noise(batch: str, rows: Rows, rng: Generator) -> Rows:
    """A fifth of the labels of the first batch is wrong."""
    if batch != BATCHES[0]:
        return rows
    wrong = rng.random(len(rows)) < 0.2
    return rows.assign(repaid=np.where(wrong, 1 - rows["repaid"], rows["repaid"]))


def biased_label(batch: str, rows: Rows, rng: Generator) -> Rows:
    """Of group 2, every third loan that was repaid is written down as not repaid."""
    del batch
    taken = (rows["group"] == 2) & (rng.random(len(rows)) < 1 / 3)
    return rows.assign(repaid=rows["repaid"].mask(taken, 0))


def small_group(batch: str, rows: Rows, rng: Generator) -> Rows:
    """The newest batch has a third group, of 30 rows."""
    if batch != BATCHES[-1]:
        return rows
    group = rows["group"].to_numpy().copy()
    group[rng.choice(len(rows), 30, replace=False)] = 3
    return rows.assign(group=group)


def swapped_columns(batch: str, rows: Rows, rng: Generator) -> Rows:
    """The newest batch has income and debt in each other's column."""
    del rng
    if batch != BATCHES[-1]:
        return rows
    return rows.assign(income=rows["debt"], debt=rows["income"])


def unit_error(batch: str, rows: Rows, rng: Generator) -> Rows:
    """The newest batch has debts in single coins instead of thousands."""
    del rng
    return rows.assign(debt=rows["debt"] * 1000.0) if batch == BATCHES[-1] else rows


def poisoned_rows(train: Rows, rng: Generator) -> Rows:
    """One train row in fifty is the same made-up application, repaid."""
    planted = rng.random(len(train)) < 0.02
    poisoned = train.copy()
    poisoned.loc[planted, ["income", "debt", "years"]] = [3.5, 3.4, 0.5]
    poisoned.loc[planted, ["city", "product"]] = ["Namur", "other"]
    poisoned.loc[planted, "repaid"] = 1
    return poisoned
