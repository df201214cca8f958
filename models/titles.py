"""From back-tests to titles: who is champion and challenger of each series, how wide their intervals are, and the rows that say so.

What belongs here: putting verdicts, calibrations and coverage together. What does not: their rules (`models.champions`,
`models.intervals`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.backtest import Backtest
from models.champion_table import ChampionTable, Entry
from models.champions import Verdict, choose
from models.forecasters import BASELINE, rival_words
from models.intervals import Calibration, calibrate, held_out_coverage
from models.series import GRAINS, Grain
from models.training import Trained

Errors = dict[tuple[Grain, str], dict[str, np.ndarray]]  # by grain and rival, then by series: shape (windows, horizon)
DIGITS = 5  # of errors that are kept, in units of spread


@dataclass(frozen=True)
class Title:
    """One series' verdict with what was measured of its intervals."""

    trained: Trained
    verdict: Verdict
    coverage: Mapping[str, Mapping[int, np.ndarray]]  # by rival and level in percent, shape (windows,)
    calibrations: Mapping[str, Calibration]  # by rival

    @property
    def floor_mase(self) -> float | None:
        """The floor's error, None where it was not measured."""
        floor = self.trained.backtests.get(BASELINE)
        return floor.mase if floor else None

    def mean_coverage(self, level: int) -> float | None:
        """Share of the champion's back-test inside intervals made without it; None where there is but one window."""
        shares = self.coverage[self.verdict.champion.forecaster][level]
        return float(np.nanmean(shares)) if np.isfinite(shares).any() else None

    def entry(self, test: Backtest, *, country: str | None, snapshot_id: int) -> Entry:
        """What the table of champions, or of challengers, says of this series."""
        made = self.calibrations[test.forecaster]
        return Entry(
            forecaster=test.forecaster,
            forms=self.trained.forms,
            trained_until=self.trained.series.end,
            rivals=rival_words(country),
            snapshot_id=snapshot_id,
            mase=test.mase,
            floor_mase=self.floor_mase,
            basis=made.basis,
            quantiles={level: widths.tolist() for level, widths in made.quantiles.items()},
            errors=np.round(test.errors, DIGITS).tolist(),
        )

    def window_rows(self) -> Iterator[dict[str, Any]]:
        """One per rival and window."""
        for test in self.trained.backtests.values():
            shares = self.coverage[test.forecaster]
            for index, window in enumerate(test.windows):
                yield {
                    "model": test.forecaster,
                    "window_start": window.window_start,
                    "horizon": window.horizon,
                    "mase": window.mase,
                    "smape": window.smape,
                    "coverage_80": _known(shares[80][index]),
                    "coverage_95": _known(shares[95][index]),
                }


def award(trained: Mapping[str, Trained], held: Mapping[str, Entry]) -> dict[str, Title]:
    """The titles of all series that some rival could learn.

    Args:
        trained: By the series' key.
        held: The champions until now, of these series and of others; the latter's errors join the pool.
    """
    errors = _errors(trained, held)
    calibrations = {of: calibrate(made) for of, made in errors.items()}
    coverage = {(of, level): held_out_coverage(made, level=level) for of, made in errors.items() for level in (80, 95)}
    titles = {}
    for key, one in trained.items():
        if not one.backtests:
            continue
        holder = held[key].forecaster if key in held else None
        grain = one.series.grain
        titles[key] = Title(
            one,
            choose(one.backtests, holder=holder),
            {name: {level: coverage[(grain, name), level][key] for level in (80, 95)} for name in one.backtests},
            {name: calibrations[grain, name][key] for name in one.backtests},
        )
    return titles


def tables(
    titles: Mapping[str, Title], held: Mapping[Grain, ChampionTable], *, role: str, country: str | None, snapshot_id: int
) -> dict[Grain, ChampionTable]:
    """The tables of the grains in which something was trained; series that were not keep the entry they have.

    Args:
        titles: What `award` gave.
        held: The tables until now.
        role: `champion` or `challenger`; a series without a challenger has no entry.
        country: Whose holidays count.
        snapshot_id: Of the lake that was trained on.
    """
    made: dict[Grain, ChampionTable] = {}
    for grain in GRAINS:
        new = {
            key: title.entry(test, country=country, snapshot_id=snapshot_id)
            for key, title in titles.items()
            if title.trained.series.grain == grain and (test := getattr(title.verdict, role)) is not None
        }
        if new:
            before = held[grain].entries if grain in held and role == "champion" else {}
            made[grain] = ChampionTable(grain, {**before, **new})
    return made


def _errors(trained: Mapping[str, Trained], held: Mapping[str, Entry]) -> Errors:
    errors: Errors = {}
    for key, one in trained.items():
        for name, test in one.backtests.items():
            errors.setdefault((one.series.grain, name), {})[key] = test.errors
    for (grain, name), pool in errors.items():
        kin = {key: entry for key, entry in held.items() if key.startswith(f"{grain}_") and entry.forecaster == name}
        pool |= {key: np.asarray(entry.errors) for key, entry in kin.items() if key not in trained}
    return errors


def _known(share: float) -> float | None:
    return float(share) if np.isfinite(share) else None
