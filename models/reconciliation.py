"""Forecasts that add up: regions to the total, in every dimension at once.

What belongs here: which series belong together and moving their forecasts. What does not: making them (`models.scoring`).

MinTrace with the variances of the back-tests' errors (Wickramasuriya, Athanasopoulos and Hyndman 2019): series that are forecast
badly are moved most. A total that is split by several dimensions has one forecast and every dimension adds up to it.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from models.series import Series

CERTAIN = 1e-6  # of the typical variance: what a series that never varies is moved by


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
    order, summing = _structure(family[0], dimensions)
    base = np.stack([forecasts[one.key] for one in order])
    sizes = _sizes(order, variances)[:, None]  # one error of each series' own size: all that MinTrace wants to know of them
    moved = MinTrace(method="wls_var").fit_predict(S=summing, y_hat=base, y_insample=sizes, y_hat_insample=np.zeros_like(sizes))
    found = {one.key: values for one, values in zip(order, np.asarray(moved["mean"]), strict=True)}
    return _not_below_zero(found, order[0], dimensions) if all(one.is_non_negative for one in family) else found


def _by_dimension(family: Sequence[Series]) -> list[list[Series]]:
    found: dict[str, list[Series]] = {}
    for one in family[1:]:
        found.setdefault(one.dimension or "", []).append(one)
    return list(found.values())


def _sizes(order: Sequence[Series], variances: Mapping[str, float]) -> np.ndarray:
    """Standard deviations in units of the typical one, none zero; of a series that never varies next to nothing."""
    known = [value for one in order if (value := variances.get(one.key, 0.0)) > 0]
    typical = float(np.median(known)) if known else 1.0
    return np.sqrt([max(variances.get(one.key, typical) / typical, CERTAIN) for one in order])


def _structure(total: Series, dimensions: Sequence[Sequence[Series]]) -> tuple[list[Series], np.ndarray]:
    """The series in MinTrace's order, and the matrix that makes all of them of the free ones, which come last.

    Free are all members of the first dimension, and all but the last of each further one: that is the total less the others.
    """
    first, *others = dimensions
    free = [*first, *(one for members in others for one in members[:-1])]
    whole = np.array([one.dimension == first[0].dimension for one in free], dtype=float)
    rest = [whole - np.array([one.dimension == members[0].dimension for one in free], dtype=float) for members in others]
    return [total, *(members[-1] for members in others), *free], np.vstack([whole, *rest, np.eye(len(free))])


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
