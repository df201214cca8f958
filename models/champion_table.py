"""What a registered model of forecasts is: for each series of a grain who forecasts it and how wide its intervals are.

What belongs here: the table, its JSON form (data only: loading one runs no code of its own). What does not: MLflow
(`models.registry`) and forecasting with it (`models.scoring`).

Parameters are not in it. A scoring estimates them anew on the newest values, which takes hundredths of a second with the forms that
training found; so a champion never forecasts from values it has not seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from lake.errors import ModelError
from models.intervals import Basis
from models.series import HORIZON, Grain
from models.statistical import Forms

FORMAT = 1
COLUMNS = ("series", "period", "value")  # of the history it is asked with


@dataclass(frozen=True)
class Entry:
    """One series' title: who forecasts it, what is known of its errors, and from when.

    `quantiles` are half-widths in units of spread by level in percent, one per step; `errors` those of its back-test, for
    calibration beside series that are trained later, shape (windows, horizon).
    """

    forecaster: str
    forms: Forms
    trained_until: date
    rivals: str
    snapshot_id: int
    mase: float
    floor_mase: float | None
    basis: Basis | None
    quantiles: dict[int, list[float]]
    errors: list[list[float]]

    def half_width(self, level: int, horizon: int) -> np.ndarray:
        """Half-widths of the interval in units of spread, shape (horizon,)."""
        return np.asarray(self.quantiles[level][:horizon])


@dataclass(frozen=True)
class ChampionTable:
    """Entries by the series' key, all of one grain."""

    grain: Grain
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Itself as JSON values."""
        entries = {
            key: vars(entry) | {"trained_until": entry.trained_until.isoformat(), "quantiles": _by_text(entry.quantiles)}
            for key, entry in self.entries.items()
        }
        return {"format": FORMAT, "columns": list(COLUMNS), "grain": self.grain, "horizon": HORIZON[self.grain], "entries": entries}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any], *, grain: Grain) -> "ChampionTable":
        """The table that `to_dict` wrote down.

        Raises:
            ModelError: It was made for other columns, another grain or horizon, or by a version that writes it differently.
        """
        made_for = [found.get(name) for name in ("format", "columns", "grain", "horizon")]
        wanted = [FORMAT, list(COLUMNS), grain, HORIZON[grain]]
        if made_for != wanted:
            raise ModelError(
                f"The {grain} champions were trained on other columns than they are asked with: {made_for}, not {wanted}.",
                remedy="Run `grimoire forecast --retrain`.",
            )
        try:
            return cls(grain, {key: _entry(values) for key, values in found["entries"].items()})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(
                f"The {grain} champions cannot be read: {error!r}.", remedy="Run `grimoire forecast --retrain`."
            ) from error


def _by_text(quantiles: Mapping[int, list[float]]) -> dict[str, list[float]]:
    return {str(level): widths for level, widths in quantiles.items()}


def _entry(values: dict[str, Any]) -> Entry:
    quantiles = {int(level): widths for level, widths in values["quantiles"].items()}
    return Entry(**{**values, "trained_until": date.fromisoformat(values["trained_until"]), "quantiles": quantiles})
