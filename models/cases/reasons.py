"""Why a case is predicted to be late or long: Shapley values of its features, and the top ones in words.

What belongs here: explaining single predictions and whole models. What does not: predicting (`models.cases.predictor`).

The values are those of TreeExplainer (Lundberg et al. 2020, "From local explanations to global understanding"): they add up
from the model's mean to what it says of the case, in days of the remaining time and in log-odds of an outcome.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.cases.targets import OUTCOMES

if TYPE_CHECKING:
    import numpy as np

    from models.cases.fitting import Fitted
    from models.cases.predictor import CasePredictor
    from models.cases.samples import Sample

TOP = 3
SAMPLED = 200  # prefixes a model's importance is averaged over
EXPLAINED = 200  # cases with reasons: the ones a person will look at
_WORDS = {
    "prefix_length": "events so far",
    "elapsed_seconds": "time since the case began",
    "seconds_since_last": "time since the event before",
    "working_elapsed_seconds": "working time since the case began",
    "working_seconds_since_last": "working time since the event before",
    "waiting_seconds": "waiting before the last activity",
    "service_seconds": "duration of the last activity",
    "second_of_day": "time of day",
    "weekday": "day of the week",
    "month": "month",
    "distinct_activities": "different activities so far",
    "repeats": "repeated activities so far",
    "open_cases": "open cases in the process",
    "open_in_activity": "open cases in the same activity",
    "open_at_resource": "open cases with the same resource",
    "arrivals_7_days": "cases that began within 7 days",
    "events_1_day": "events within a day",
    "resource_events_7_days": "events of the resource within 7 days",
    "recent_seconds_in_activity": "how long the latest cases stayed in the activity",
    "activity": "last activity",
    "previous_1": "activity before",
    "previous_2": "second activity before",
    "previous_3": "third activity before",
    "resource": "resource",
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Reason:
    """One feature's share of a prediction.

    Attributes:
        case_id: The case.
        target: remaining_time, late, cancelled or reworked.
        rank: From 1, by size.
        feature: Name of the feature.
        value: Its value, in words.
        contribution: Days, or log-odds.
        text: The reason as a sentence.
    """

    case_id: str
    target: str
    rank: int
    feature: str
    value: str
    contribution: float
    text: str


@dataclass(frozen=True)
class Importance:
    """How much a feature moves a target's predictions on average: in days or log-odds, and as a share of all features."""

    target: str
    feature: str
    mean_contribution: float
    share: float


def models_of(predictor: "CasePredictor") -> "dict[str, Fitted]":
    """The models that serve and can be explained, by target."""
    models = {"remaining_time": predictor.remaining} | {outcome: predictor.outcomes[outcome] for outcome in OUTCOMES}
    return {target: model for target, model in models.items() if model is not None and predictor.serves(target)}


def contributions(model: "Fitted", features: "np.ndarray") -> "tuple[np.ndarray, float]":
    """Shapley values, rows by the model's columns, and the base they are added to: of several models the means."""
    import numpy as np

    told = [_contributions(one, features[:, list(model.columns)]) for one in model.members]
    return np.mean([values for values, _ in told], axis=0), float(np.mean([base for _, base in told]))


def _contributions(model: Any, features: "np.ndarray") -> "tuple[np.ndarray, float]":
    """The same of one model of scikit-learn, which reads all of the columns.

    TreeExplainer knows no splits by category. Each becomes a column of its own, which says whether the row's category goes
    right, and what that column contributes is counted to the category's.
    """
    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import of matplotlib warns of what matplotlib will drop
        from shap import TreeExplainer

    read = np.asarray(model._preprocess_X(features, reset=False), dtype=np.float64)
    trees, splits = _trees(model, read)
    owners = np.array([*range(read.shape[1]), *(owner for owner, _ in splits)])
    rows = np.column_stack([read, *(goes_right for _, goes_right in splits)])
    base = float(np.ravel(model._baseline_prediction)[0])
    ensemble = {"trees": trees, "base_offset": base, "input_dtype": np.float64, "internal_dtype": np.float64}
    explainer = TreeExplainer(ensemble, feature_perturbation="tree_path_dependent")
    told = np.asarray(explainer.shap_values(rows, check_additivity=False)).reshape(len(rows), -1)
    values = np.zeros((len(rows), read.shape[1]))
    np.add.at(values.T, owners, told.T)
    return values, float(np.ravel(explainer.expected_value)[0])


def _trees(model: Any, read: "np.ndarray") -> "tuple[list[dict[str, np.ndarray]], list[tuple[int, np.ndarray]]]":
    """The trees in TreeExplainer's form, and per split by category its feature and which rows go right there."""
    import numpy as np

    trees, splits = [], list[tuple[int, np.ndarray]]()
    for (tree,) in model._predictors:
        nodes = tree.nodes
        leaf = nodes["is_leaf"].astype(bool)
        children = {side: np.where(leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right")}
        feature, threshold = nodes["feature_idx"].astype(np.int64), nodes["num_threshold"].astype(np.float64)
        for n in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf):
            owner = int(feature[n])
            words = tree.raw_left_cat_bitsets[nodes["bitset_idx"][n]]
            splits.append((owner, _goes_right(read[:, owner], words, bool(nodes["missing_go_to_left"][n]))))
            feature[n], threshold[n] = read.shape[1] + len(splits) - 1, 0.5
        trees.append(
            {
                "children_left": children["left"],
                "children_right": children["right"],
                "children_default": np.where(nodes["missing_go_to_left"].astype(bool), children["left"], children["right"]),
                "features": np.where(leaf, -2, feature),
                "thresholds": threshold,
                "values": nodes["value"].reshape(-1, 1).astype(np.float64),
                "node_sample_weight": nodes["count"].astype(np.float64),
            }
        )
    return trees, splits


def _goes_right(codes: "np.ndarray", words: "np.ndarray", missing_goes_left: bool) -> "np.ndarray":
    """1.0 for the rows whose category is not in a set of 256 bits, eight words of 32."""
    import numpy as np

    missing = np.isnan(codes)
    whole = np.where(missing, 0, codes).astype(np.int64)
    in_set = (words[whole // 32].astype(np.int64) >> (whole % 32)) & 1 == 1
    return np.where(np.where(missing, missing_goes_left, in_set), 0.0, 1.0)


def explain(predictor: "CasePredictor", sample: "Sample", *, top: int = TOP) -> list[Reason]:
    """The reasons of running cases, per case and target the ones that weigh most.

    Args:
        predictor: The predictor.
        sample: Rows of running cases; see `CasePredictor.open_cases`.
        top: How many reasons each.
    """
    import numpy as np

    found: list[Reason] = []
    for target, model in models_of(predictor).items():
        values, _ = contributions(model, sample.features)
        order = np.argsort(-np.abs(values), axis=1)[:, :top]
        found += [
            _reason(predictor, sample, n, target, rank, model.columns[column], float(values[n, column]))
            for n in range(len(sample))
            for rank, column in enumerate(order[n], start=1)
            if values[n, column] != 0
        ]
    return found


def importance(predictor: "CasePredictor", features: "np.ndarray") -> list[Importance]:
    """The importance of every feature that moves some prediction, per target the greatest first."""
    import numpy as np

    found: list[Importance] = []
    if not len(features):
        return found
    rows = features[np.linspace(0, len(features) - 1, min(SAMPLED, len(features))).astype(int)]
    for target, model in models_of(predictor).items():
        values, _ = contributions(model, rows)
        means = np.abs(values).mean(axis=0)
        whole = means.sum() or 1.0
        found += [
            Importance(target, predictor.encoding.features[model.columns[n]], float(means[n]), float(means[n] / whole))
            for n in np.argsort(-means)
            if means[n] > 0
        ]
    return found


def _reason(
    predictor: "CasePredictor", sample: "Sample", n: int, target: str, rank: int, column: int, contribution: float
) -> Reason:
    feature = predictor.encoding.features[column]
    value = _value(predictor, feature, float(sample.features[n, column]))
    text = f"{in_words(feature)} ({value}) {_effect(target, contribution)}"
    return Reason(str(sample.known["case_id"][n]), target, rank, feature, value, contribution, text)


def in_words(feature: str) -> str:
    """A feature's name for people."""
    kind, _, rest = feature.partition(" ")
    if kind == "count":
        return f"number of «{rest}»"
    return rest if kind == "attribute" else _WORDS.get(feature, feature)


def _effect(target: str, contribution: float) -> str:
    if target == "remaining_time":
        return f"{'adds' if contribution > 0 else 'takes off'} {abs(contribution):.1f} days"
    return f"makes it {'more' if contribution > 0 else 'less'} likely to be {target}"


def _value(predictor: "CasePredictor", feature: str, value: float) -> str:
    if feature in predictor.encoding.categories:
        known: Sequence[str] = predictor.encoding.categories[feature]
        return known[int(value) - 1] if value else "none or new"
    if value != value:
        return "none"
    if feature == "second_of_day":
        return f"{int(value) // 3600:02d}:{int(value) % 3600 // 60:02d}"
    if feature == "weekday":
        return _DAYS[int(value) - 1]
    if "seconds" in feature:
        return f"{value / 86_400:.1f} days" if value >= 86_400 else f"{value / 3_600:.1f} hours"
    return f"{value:g}"
