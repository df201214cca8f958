"""Predictions for running cases: nothing of what comes later is known, floors stand beside, and bad logs have a defined result."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from lake.errors import DataError, ModelError
from lake.settings import get_settings
from mining import EventLog
from models.cases import CasePredictor, train
from models.cases.case_settings import case_settings
from models.cases.conformal import calibrate
from models.cases.fitting import fit
from models.cases.floors import median_floor, most_frequent_floor
from models.cases.prefixes import prefixes_of
from models.cases.reasons import contributions, explain, importance
from models.cases.registry import card
from models.cases.running import _is_better
from models.cases.samples import Encoding, Sample
from models.cases.targets import labelled_sql
from models.cases.training import _can_calibrate, _older_half
from models.cases.watching import drift, histograms, reason_to_train

START = datetime(2024, 1, 1, 8, tzinfo=UTC)
HOUR = 3_600.0
Rows = list[tuple[str, str, float, str]]  # case, activity, hours since START, kind


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("GRIMOIRE_HOME", str(tmp_path_factory.getbasetemp() / "cases-home"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def log_of() -> Iterator[Callable[..., EventLog]]:
    made: list[EventLog] = []

    def make(rows: Rows) -> EventLog:
        import pyarrow

        moments = [START + timedelta(hours=hours) for _, _, hours, _ in rows]
        table = pyarrow.table(
            {
                "case_id": [row[0] for row in rows],
                "activity": [row[1] for row in rows],
                "occurred_at": pyarrow.array(moments, pyarrow.timestamp("us", tz="UTC")),
                "kind": [row[3] for row in rows],
            }
        )
        made.append(EventLog.from_frame(table))
        return made[-1]

    yield make
    for log in made:
        log.close()


def company(cases: int = 300, *, still_open: int = 12, seed: int = 1) -> Rows:
    """Cases that begin every 4 hours; big ones take ten days longer and every third of them is cancelled."""
    chance, rows = random.Random(seed), Rows()
    for n in range(cases):
        kind, begin = chance.choice(["small", "big"]), 4.0 * n
        way = ["Begin", "Check", "Cancel" if kind == "big" and chance.random() < 0.33 else "Pack", "End"]
        if n >= cases - still_open:
            way = way[:2]
        moment = begin
        for activity in way:
            rows.append((f"c{n}", activity, moment, kind))
            moment += chance.uniform(2, 6) + (120 if kind == "big" and activity != "Begin" else 0)
    return rows


DEFINITION = {
    "end_activities": ["End"],
    "predictions": {"attributes": ["kind"], "ended_after_days": 60, "outcomes": {"late": {"within_days": 5}}},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EventLog, CasePredictor]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRIMOIRE_HOME", str(tmp_path_factory.mktemp("trained")))
        get_settings.cache_clear()
        import polars

        rows = company()
        moments = [START + timedelta(hours=row[2]) for row in rows]
        frame = polars.DataFrame(
            {
                "case_id": [r[0] for r in rows],
                "activity": [r[1] for r in rows],
                "occurred_at": moments,
                "kind": [r[3] for r in rows],
            }
        )
        with EventLog.from_frame(frame.to_arrow()) as log:
            yield log, train(log, definition=DEFINITION)
    get_settings.cache_clear()


def feature_rows(log: EventLog, definition=None, *, until: datetime | None = None, like: EventLog | None = None):
    settings = case_settings(like or log, definition)
    prefixes = prefixes_of(log, settings)
    columns = ", ".join(f'"{name}"' for name in prefixes.features)
    where = "" if until is None else f"where occurred_at <= timestamptz '{until.isoformat()}'"
    return log.connection.execute(
        f"select case_id, position, {columns} from {prefixes.table} {where} order by case_id, position"
    ).fetchall()


def test_features_do_not_change_when_the_future_is_cut_off(log_of):
    rows = company(60)
    cut = 120.0
    whole, past = log_of(rows), log_of([row for row in rows if row[2] <= cut])
    until = START + timedelta(hours=cut)

    assert feature_rows(whole, DEFINITION, until=until) == feature_rows(past, DEFINITION, like=whole)


def test_load_counts_a_case_until_it_is_seen_to_end(log_of):
    log = log_of([("a", "Begin", 0, ""), ("b", "Begin", 1, ""), ("a", "End", 2, ""), ("c", "Begin", 3, ""), ("b", "End", 9, "")])
    prefixes = prefixes_of(log, case_settings(log, {"end_activities": ["End"]}))
    loads = log.connection.execute(f"select open_cases from {prefixes.table} order by occurred_at").fetchall()

    assert [load for (load,) in loads] == [1, 2, 1, 2, 1]


def test_an_attribute_that_never_changes_in_a_case_is_left_out_unless_it_is_named(log_of):
    log = log_of(company(40))

    assert case_settings(log).texts == ()
    assert case_settings(log, attributes=["kind"]).texts == ("kind",)
    with pytest.raises(DataError, match="no attribute colour"):
        case_settings(log, attributes=["colour"])


@pytest.mark.parametrize("wrong", [{"outcome": {}}, {"outcomes": {"lost": []}}, {"ended_after_days": -1}, ["late"]])
def test_predictions_of_a_definition_that_cannot_be_read_are_refused(log_of, wrong):
    with pytest.raises(DataError):
        case_settings(log_of(company(40)), {"predictions": wrong})


def test_an_agreement_is_breached_at_the_first_event_after_its_deadline(log_of):
    log = log_of([("a", "Begin", 0, ""), ("a", "Check", 5, ""), ("a", "End", 30, ""), ("b", "Begin", 1, ""), ("b", "End", 2, "")])
    sla = {"name": "quick", "from": "Begin", "to": "End", "within_hours": 4}
    settings = case_settings(log, {"end_activities": ["End"], "slas": [sla]})
    prefixes = prefixes_of(log, settings)
    found = log.connection.execute(
        f"select distinct case_id, late_at, has_ended from ({labelled_sql(log, prefixes, settings)}) order by 1"
    ).fetchall()

    assert found == [("a", 2, True), ("b", None, True)]


def test_the_model_beats_its_floor_where_the_kind_decides_and_its_interval_covers(trained):
    _, predictor = trained
    found = predictor.evaluation

    assert predictor.serves("remaining_time")
    assert found.value("remaining_time", "mae_days") < 0.5 * found.floor("remaining_time", "mae_days")
    assert found.value("remaining_time", "coverage_80") >= 0.7
    assert found.value("late", "auc") > 0.9
    assert [row["prefix_length"] for row in found.earliness if row["target"] == "remaining_time"] == [2, 3]


def test_intervals_follow_a_process_that_has_become_less_regular(log_of):
    """The last fifth of the cases takes 2 to 40 hours a step instead of 2 to 6: no interval of before covers that."""
    chance, rows = random.Random(7), Rows()
    for n in range(1_100):
        moment = 4.0 * n
        for activity in ("Begin", "Check", "Pack", "End"):
            rows.append((f"c{n:04d}", activity, moment, ""))
            moment += chance.uniform(2, 40 if n >= 870 else 6)
    predictor = train(log_of(rows), cases="all")
    covered = next(row for row in predictor.evaluation.calibration if row["bin"] == 80)
    low, high = predictor.conformal.bounds(np.array([1.0]), np.array([predictor.conformal.usual_scale]))[95]

    assert 0.7 <= covered["observed"] <= 0.9
    assert covered["prefixes"] == 220  # two each of the younger 110 of 220 cases
    assert high[0] - low[0] > 1.0  # days: no step took more than 6 hours when the models were fitted


@pytest.mark.parametrize(
    ("cases", "older", "can"),
    [([], 0, False), ([5] * 300, 300, False), ([9] * 250 + [2], 250, True), ([9] * 90 + [2] * 90 + [4] * 90, 180, False)],
)
def test_the_older_half_of_the_cases_calibrates_if_it_is_large_enough(cases, older, can):
    rows = Sample(np.zeros((len(cases), 1)), {"case_no": np.array(cases, dtype=int)})

    assert _older_half(rows).sum() == older
    assert _can_calibrate(rows) is can


def test_intervals_of_few_later_cases_stay_those_of_the_validation_part(trained):
    _, predictor = trained
    row = next(row for row in predictor.evaluation.calibration if row["bin"] == 80)

    assert row["prefixes"] == predictor.evaluation.value("remaining_time", "prefixes") < 400


class Always:
    """A model that says the same of every prefix."""

    def predict(self, features: np.ndarray) -> np.ndarray:
        return np.full(len(features), 99.0)


def test_a_new_predictor_takes_the_title_where_it_errs_less_on_cases_that_neither_has_learnt_from(log_of):
    def spoilt(predictor: CasePredictor) -> CasePredictor:
        return replace(predictor, remaining=replace(predictor.remaining, model=Always()))

    rows = company(900, still_open=0)
    log = log_of(rows)
    holder = train(log_of([row for row in rows if row[2] <= 4.0 * 450]), attributes=["kind"])
    made = train(log, attributes=["kind"])
    since = {"since": holder.trained_until}
    first, first_unseen = (
        min(int(case[1:]) for case in made.ended_cases(log, **also).known["case_id"])
        for also in (since, since | {"begun": made.tested_from})
    )

    assert first < 450 < 700 < first_unseen
    assert _is_better(made, made, log)
    assert _is_better(made, spoilt(holder), log)
    assert not _is_better(spoilt(made), holder, log)
    assert _is_better(spoilt(made), replace(holder, trained_until=made.trained_until), log), "none ended since"


def test_only_running_cases_are_scored_the_riskiest_first(trained):
    log, predictor = trained
    scores = predictor.score(log)
    shown = log.connection.execute(
        f"select case_id from ({log.rows_sql()}) group by case_id having not bool_or(activity = 'End') order by 1"
    ).fetchall()

    assert sorted(score.case_id for score in scores) == [case for (case,) in shown]
    assert [score.risk for score in scores] == sorted((score.risk for score in scores), reverse=True)
    for score in scores:
        assert 0 <= score.remaining_days_lower_95 <= score.remaining_days_lower_80 <= score.remaining_days
        assert score.remaining_days <= score.remaining_days_upper_80 <= score.remaining_days_upper_95


def test_reasons_add_up_to_the_prediction(trained):
    log, predictor = trained
    sample = predictor.open_cases(log)
    values, base = contributions(predictor.remaining, sample.features)
    told = predictor.remaining.model.predict(sample.features[:, list(predictor.remaining.columns)])

    np.testing.assert_allclose(base + values.sum(axis=1), told, atol=1e-6)
    reasons = explain(predictor, sample)
    assert {reason.case_id for reason in reasons} <= set(sample.known["case_id"])
    assert any("kind (big) adds" in reason.text for reason in reasons)
    shares = [one.share for one in importance(predictor, sample.features) if one.target == "remaining_time"]
    assert sum(shares) == pytest.approx(1)


def test_a_new_activity_is_scored_as_unknown(trained, log_of):
    _, predictor = trained
    rows = [*company(), ("new", "Begin", 1199, "small"), ("new", "Teleport", 1200, "small")]
    scores = {score.case_id: score for score in predictor.score(log_of(rows))}

    assert scores["new"].activity == "Teleport"
    assert np.isfinite(scores["new"].remaining_days)


def test_a_predictor_trained_on_other_columns_says_so(trained, log_of):
    _, predictor = trained
    other = replace(predictor, settings=replace(predictor.settings, texts=()))

    with pytest.raises(ModelError, match="attribute kind"):
        other.score(log_of(company()))


def test_no_open_cases_gives_no_scores(trained, log_of):
    _, predictor = trained
    assert predictor.score(log_of(company(40, still_open=0))) == []


@pytest.mark.parametrize("rows", [[("a", "Begin", 0, ""), ("a", "End", 1, "")], [(f"c{n}", "Begin", n, "") for n in range(50)]])
def test_a_log_of_one_case_or_of_single_events_is_refused_with_the_reason(log_of, rows):
    with pytest.raises(DataError, match="at least 30"):
        train(log_of(rows), cases="all")


def test_a_log_without_end_events_ends_by_silence(log_of):
    rows = [row for row in company(120, still_open=0) if row[1] != "End"]
    log = log_of([*rows, *((f"late{n}", "Begin", 4_000.0 + n, "small") for n in range(3))])
    predictor = train(log, definition={"predictions": {"ended_after_days": 30, "attributes": ["kind"]}})

    assert {score.case_id for score in predictor.score(log)} == {"late0", "late1", "late2"}


def test_floors_fall_back_from_activity_and_length_to_activity_to_all():
    activity, position = np.array([0, 0, 1]), np.array([2, 3, 2])
    median = median_floor(activity, position, np.array([1.0, 3.0, 10.0]))
    following = most_frequent_floor(activity, position, np.array([1, 1, 0]))

    assert median.predict(np.array([0, 0, 9]), np.array([2, 7, 2])).tolist() == [1.0, 2.0, 3.0]
    assert following.predict(np.array([1, 9]), np.array([2, 2])).tolist() == [0.0, 1.0]


def test_calibrated_intervals_cover_what_they_say_on_rows_alike():
    chance = np.random.default_rng(0)
    scale = chance.uniform(1, 5, 4_000)
    actual = 50 + scale * chance.standard_normal(4_000)
    predicted = np.full(4_000, 50.0)
    bounds = calibrate(actual[:2_000], predicted[:2_000], scale[:2_000]).bounds(predicted[2_000:], scale[2_000:])

    for level, (low, high) in bounds.items():
        covered = np.mean((low <= actual[2_000:]) & (actual[2_000:] <= high))
        assert covered == pytest.approx(level / 100, abs=0.03)


def test_one_error_where_none_was_expected_does_not_widen_every_interval():
    """One prefix in ten seems sure and half of those err by a day: the 95 % interval of all others was as wide as 1,000 days."""
    chance = np.random.default_rng(0)
    sure = np.arange(2_000) % 10 == 0
    scale = np.where(sure, 0.01, 5.0)
    error = np.where(sure, chance.choice([-1.0, 0.0, 1.0], 2_000), 5 * chance.standard_normal(2_000))
    low, high = calibrate(100 + error, np.full(2_000, 100.0), scale).bounds(np.array([100.0]), np.array([5.0]))[95]

    assert high[0] - low[0] < 40


@pytest.mark.parametrize(("regular", "leaves"), [(True, {15, 31}), (False, {5, 8})])
def test_trees_are_as_large_as_the_later_cases_of_a_log_bear(*, regular: bool, leaves: set[int]):
    """Five numbers that only together tell the days ask for large trees; one that tells them among noise for small ones."""
    draw = np.random.default_rng(3)
    kinds = draw.integers(0, 2, size=(1600, 12)).astype(float)
    together = draw.uniform(0, 60, size=32)[(kinds[:, :5] @ (1, 2, 4, 8, 16)).astype(int)]
    days = together if regular else 10 * kinds[:, 0] + draw.exponential(20, size=1600)
    rows = Sample(kinds + (0 if regular else draw.random(kinds.shape)), {"remaining_days": days})
    encoding = Encoding({}, tuple(f"number {n}" for n in range(12)), ())
    found = fit("remaining", encoding, rows.where(np.arange(1600) < 1200), rows.where(np.arange(1600) >= 1200), "remaining_days")
    assert found is not None
    assert {one.max_leaf_nodes for one in found.members} == leaves


def test_drift_is_seen_where_a_feature_moves_and_not_where_it_stays(trained):
    _, predictor = trained
    at = predictor.encoding.features.index("elapsed_seconds")
    chance = np.random.default_rng(0)
    before = np.zeros((1_000, len(predictor.encoding.features)))
    before[:, at] = chance.exponential(10, 1_000)
    after = before.copy()
    after[:, at] *= 4
    known = histograms(before, predictor.encoding)

    assert drift(before, predictor.encoding, known)[0].stability_index == pytest.approx(0)
    moved = drift(after, predictor.encoding, known)
    assert moved[0].feature == "elapsed_seconds"
    assert moved[0].is_drift
    assert reason_to_train(trained_until=START, now=START, drifts=[]) is None
    assert "elapsed_seconds" in reason_to_train(trained_until=START, now=START, drifts=moved)
    assert "error has grown" in reason_to_train(trained_until=START, now=START, drifts=[], error=3.0, expected_error=2.0)
    assert "8 days" in reason_to_train(trained_until=START, now=START + timedelta(days=8), drifts=[])


def test_features_of_drawn_cases_rest_on_all_cases(log_of):
    log = log_of(company(80))
    settings = case_settings(log, DEFINITION)
    drawn = prefixes_of(log, settings, of="hash(case_no) % 2 = 0")
    columns = ", ".join(f'"{name}"' for name in drawn.features)
    rows = log.connection.execute(f"select case_id, position, {columns} from {drawn.table} order by case_id, position").fetchall()
    cases = {row[0] for row in rows}

    assert 20 < len(cases) < 60
    assert rows == [row for row in feature_rows(log, DEFINITION) if row[0] in cases]


def test_of_a_large_log_whole_cases_are_drawn_and_the_share_is_said(log_of, trained):
    _, whole = trained
    log = log_of(company())
    predictor = train(log, definition=DEFINITION, most_prefixes=600)

    assert whole.share == 1
    assert predictor.share == pytest.approx(600 / log.summary()["events"])
    assert 0.3 < predictor.cases / whole.cases < 0.7
    assert "% of all cases were drawn" in card("tickets", predictor, 1)
    assert len(predictor.score(log)) == 12


def test_with_known_labels_no_case_is_learnt_from_that_ended_after_the_test_began(log_of):
    rows = company(still_open=0)
    begin, end = {}, {}
    for case, _, hours, _ in rows:
        begin.setdefault(case, hours)
        end[case] = hours
    test_at = sorted(begin.values())[240]
    known = [case for case in begin if begin[case] < test_at and end[case] < test_at]
    log = log_of(rows)

    assert len(known) < 240
    assert train(log, definition=DEFINITION, cases="all", known_labels=True).cases == len(known)
    assert train(log, definition=DEFINITION, cases="all").cases == 240
