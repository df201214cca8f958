"""Forecasts that add up: regions to the total, in every dimension at once.

What belongs here: which series belong together and moving their forecasts. What does not: making them (`models.scoring`).

MinTrace with the variances of the back-tests' errors (Wickramasuriya, Athanasopoulos and Hyndman 2019): series that are forecast
badly are moved most. A total that is split by several dimensions has one forecast and every dimension adds up to it.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from models.series import Series


def families(series: Sequence[Series]) -> list[list[Series]]:
    """Each total that is split, followed by its members: those of one grain and one end whose values add up."""
    by_key = {one.key: one for one in series}
    children: dict[str, list[Series]] = {}
    for one in series:
        parent = by_key.get(one.parent or "")
        if parent is not None and one.aggregation == "sum" and one.end == parent.end:
            children.setdefault(parent.key, []).append(one)
    return [[by_key[key], *members] for key, members in children.items()]


def reconcile(
    family: Sequence[Series], forecasts: Mapping[str, np.ndarray], variances: Mapping[str, float]
) -> dict[str, np.ndarray]:
    """The family's forecasts, moved as little as needed for the members of every dimension to add up to the total.

    Args:
        family: A total and its members.
        forecasts: By key, shape (horizon,) each.
        variances: Of each series' forecast errors, by key; series without one count as certain as the median of the others.

    Returns:
        By key, shape (horizon,). No value is below zero where no series of the family has ever been.
    """
    from hierarchicalforecast.methods import MinTrace

    dimensions = _by_dimension(family)
    order = [family[0], *(one for members in dimensions for one in members)]
    base = np.stack([forecasts[one.key] for one in order])
    weights = _weights(order, variances)
    summing = _summing(dimensions)
    errors = np.stack([-weights, weights], axis=1)  # two errors of each series' own size: all that MinTrace wants to know of them
    moved = MinTrace(method="wls_var").fit_predict(S=summing, y_hat=base, y_insample=errors, y_hat_insample=np.zeros_like(errors))
    found = {one.key: values for one, values in zip(order, np.asarray(moved["mean"]), strict=True)}
    return _not_below_zero(found, order[0], dimensions) if all(one.is_non_negative for one in family) else found


def _by_dimension(family: Sequence[Series]) -> list[list[Series]]:
    found: dict[str, list[Series]] = {}
    for one in family[1:]:
        found.setdefault(one.dimension or "", []).append(one)
    return list(found.values())


def _weights(order: Sequence[Series], variances: Mapping[str, float]) -> np.ndarray:
    """Standard deviations, none zero."""
    known = [value for one in order if (value := variances.get(one.key, 0.0)) > 0]
    typical = float(np.median(known)) if known else 1.0
    return np.sqrt([variances.get(one.key) or typical for one in order])


def _summing(dimensions: Sequence[Sequence[Series]]) -> np.ndarray:
    """The matrix that makes all series, total first, of the free ones.

    Free are all members of the first dimension, and all but the last of each further one: that is the total less the others.
    """
    first, *others = (len(members) for members in dimensions)
    free = first + sum(count - 1 for count in others)
    rows = [np.r_[np.ones(first), np.zeros(free - first)], *np.eye(free)[:first]]
    begin = first
    for count in others:
        own = np.eye(free)[begin : begin + count - 1]
        rows += [*own, rows[0] - own.sum(axis=0)]
        begin += count - 1
    return np.stack(rows)


def _not_below_zero(found: dict[str, np.ndarray], total: Series, dimensions: Sequence[Sequence[Series]]) -> dict[str, np.ndarray]:
    """Cuts off what is below zero, and shares out again among each dimension's members what the total then is."""
    whole = np.maximum(found[total.key], 0.0)
    kept = {total.key: whole}
    for members in dimensions:
        parts = np.stack([np.maximum(found[one.key], 0.0) for one in members])
        sums = parts.sum(axis=0)
        shares = np.divide(parts, sums, out=np.full_like(parts, 1 / len(members)), where=sums > 0)
        kept |= {one.key: whole * share for one, share in zip(members, shares, strict=True)}
    return kept
