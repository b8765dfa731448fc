"""The input envelope, held value by value: what ``serving/envelope.py`` must agree with.

Belongs here: the definition as it is said, one row and one column after the other. Does not belong
here: how that is made fast.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

FARTHEST_SCORE = 20.0


def is_outside_alone(envelope: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether a value of the row is outside by itself; values are Python's."""
    return any(_is_outside(one, row[one["name"]]) for one in envelope["columns"])


def distance(envelope: Mapping[str, Any], row: Mapping[str, Any]) -> float:
    """How far a row is from what goes together."""
    joint = envelope["joint"]
    apart = np.array(places(envelope, row)) - np.array(joint["mean"])
    return math.sqrt(max(float(apart @ np.array(joint["precision"]) @ apart), 0.0))


def places(envelope: Mapping[str, Any], row: Mapping[str, Any]) -> list[float]:
    """Where each value of a row is."""
    return [_place(one, row[one["name"]]) for one in envelope["columns"]]


def _place(one: Mapping[str, Any], value: Any) -> float:
    if _is_missing(value):
        return 0.0
    if one["kind"] == "category":
        known = dict(zip(one["levels"], one["surprisals"], strict=True))
        return float(known.get(value, one["unknown"]) - one["centre"])
    if not one["quantiles"]:
        return 0.0
    first, last = one["quantiles"][0], one["quantiles"][-1]
    score = float(np.interp(value, one["quantiles"], one["scores"]))
    score += (value - min(max(value, first), last)) / one["spread"]
    return min(max(score, -FARTHEST_SCORE), FARTHEST_SCORE)


def _is_outside(one: Mapping[str, Any], value: Any) -> bool:
    if _is_missing(value):
        return not one["missing"]
    if one["kind"] == "category":
        return value not in one["levels"] and not one["open"]
    return one["low"] is not None and not one["low"] <= value <= one["high"]


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))
