"""The units in which the layers of a network hand their values on.

Belongs here: dividing hidden units by numbers that the next layer's weights are multiplied with,
which changes nothing in exact arithmetic, as a ReLU of a multiple is the multiple of the ReLU. Does
not belong here: the operators of a layer (``integer_layers.py``).

An integer product divides its sums by the steps of its weights, which saves an operator; a float
one by powers of two that bring its units to similar ranges, so that one large unit does not take
the levels of all others (G. Xiao et al., "SmoothQuant", ICML 2023).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mlops_assets.export.integer_layers import LARGEST_FACTOR, Layer, weight_steps


def rescaled(
    layers: Sequence[Layer], strength: float
) -> tuple[list[Layer], list[NDArray[np.float32]]]:
    """The same network in other units, and what each layer's sums were divided by, ``[m]``.

    ``strength`` (0 to 1) is the share of a unit's range that moves into the next layer's weights.
    """
    changed = list(layers)
    divisors = [np.ones(len(layer.bias), np.float32) for layer in layers]
    for position, following in enumerate(layers[1:]):
        if not following.rectified:
            continue
        layer = changed[position]
        found = divisors[position] = _divisors(layer, following, strength)
        changed[position] = replace(
            layer,
            weights=layer.weights / found,
            bias=layer.bias / found,
            is_in_steps=layer.is_split,
        )
        changed[position + 1] = replace(
            following, weights=following.weights * found[:, None], peaks=following.peaks / found
        )
    return changed, divisors


def _divisors(layer: Layer, following: Layer, strength: float) -> NDArray[np.float32]:
    if layer.is_split:
        return _held_steps(weight_steps(layer.weights[layer.hot_columns]), following, strength)
    if layer.suits_integers:
        return weight_steps(layer.weights, LARGEST_FACTOR)
    if following.suits_integers:
        return smoothing(following, strength)
    return np.ones(len(layer.bias), np.float32)


def _held_steps(
    steps: NDArray[np.float32], following: Layer, strength: float
) -> NDArray[np.float32]:
    """The ``steps`` ``[m]`` of 0/1 columns, larger for the share of ``strength`` of the units whose
    peaks have most of them. What such a unit adds up are numbers, beside which the columns matter
    little; with small steps it would take the levels of all other units."""
    used = following.peaks / steps
    most = np.quantile(used, 1.0 - strength)
    held: NDArray[np.float32] = (steps * np.maximum(1.0, used / max(most, 1.0))).astype(np.float32)
    return held


def smoothing(layer: Layer, strength: float) -> NDArray[np.float32]:
    """The power of two each unit that a layer reads is divided by, ``[k]``; exact in every
    arithmetic."""
    heights = np.abs(layer.weights).max(axis=1).astype(np.float64)
    used = (layer.peaks > 0) & (heights > 0)
    peaks, heights = np.where(used, layer.peaks, 1.0), np.where(used, heights, 1.0)
    exponents = strength * np.log2(peaks) - (1.0 - strength) * np.log2(heights)
    powers: NDArray[np.float32] = np.exp2(np.rint(exponents)).astype(np.float32)
    return powers
