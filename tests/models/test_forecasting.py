"""The forecasts from KPI tables to forecast tables, on a real lake, MLflow and Prophet."""

from pathlib import Path

import pytest

from lake import in_transaction, query
from lake.errors import ModelError
from models import forecast_all
from models.forecasting import ChampionReport

pytestmark = pytest.mark.slow


def by_key(reports: list[ChampionReport]) -> dict[tuple[str, str], ChampionReport]:
    return {(report.series, report.grain): report for report in reports}


def count(sql: str) -> int:
    return query(sql).fetchone()[0]


def test_every_series_is_forecast_or_skipped_with_a_reason_and_a_second_run_only_scores(kpi_home: Path) -> None:
    told: list[float] = []
    first = by_key(forecast_all(progress=lambda description, done: told.append(done)))

    assert {key: report.skipped for key, report in first.items() if report.skipped} == {
        ("constant", "daily"): "its value never changes from 4",
        ("holes", "daily"): "121 of its 243 periods have no value",
        ("orders", "weekly"): "it has 34 weekly points and needs 50",
        ("short", "daily"): "it has 20 daily points and needs 112",
        ("zeros", "daily"): "all its values are zero",
        ("zeros", "weekly"): "it has 34 weekly points and needs 50",
    }
    orders = first["orders", "daily"]
    assert orders.is_retrained and orders.champion and orders.challenger and orders.model_version == "2", (
        "a version for the challengers, then one for the champions"
    )
    assert orders.champion_mase is not None and orders.champion_mase < 1.2
    assert orders.coverage_80 is not None and 0.5 <= orders.coverage_80 <= 1
    assert told == sorted(told) and told[-1] == 1.0

    assert count("select count(*) from forecasts.forecasts where series = 'orders' and grain = 'daily'") == 28
    assert query("select min(period)::varchar from forecasts.forecasts where series = 'orders'").fetchone() == ("2024-09-01",)
    assert (
        count(
            """select count(*) from forecasts.forecasts where not (lower_95 <= lower_80 and lower_80 <= value
           and value <= upper_80 and upper_80 <= upper_95)"""
        )
        == 0
    )
    assert count("select count(*) from forecasts.forecasts where series <> 'balance' and lower_95 < 0") == 0
    assert count("select count(*) from forecasts.forecasts where series = 'balance' and lower_95 < 0") > 0
    assert count("select count(distinct model) from forecasts.backtests where series = 'orders' and model <> 'prophet'") == 5
    assert count("select count(*) from forecasts.backtests where series = 'orders' and model = 'median_ensemble'") == 4, "windows"
    assert count("select count(*) from forecasts.forecasts where step <> 'champion' or steps_ahead not between 1 and 28") == 0
    assert count("select count(*) from forecasts.champions where floor_mase is null or code_version is null") == 0
    tests = count("select count(*) from forecasts.backtests where series = 'orders'")
    assert count("select count(distinct snapshot_id) from forecasts.forecasts") == 1
    assert count("select count(*) from forecasts.skipped") == 6

    made_at = query("select max(computed_at) from forecasts.forecasts").fetchone()
    second = by_key(forecast_all())
    assert not any(report.is_retrained for report in second.values())
    assert {key: (report.champion, report.step, report.skipped) for key, report in second.items()} == {
        key: (report.champion, report.step, report.skipped) for key, report in first.items()
    }
    assert query("select max(computed_at) from forecasts.forecasts").fetchone() == made_at, "nothing was new"
    in_transaction(
        lambda connection: connection.execute("update forecasts.forecasts set made_from = 'older code' where series = 'orders'")
    )
    assert not any(report.is_retrained for report in forecast_all())
    assert query("select min(computed_at) from forecasts.forecasts").fetchone() > made_at
    assert second["orders", "daily"].champion_mase == orders.champion_mase
    assert count("select count(*) from forecasts.forecasts where series = 'orders'") == 28
    assert count("select count(*) from forecasts.backtests where series = 'orders'") == tests

    in_transaction(
        lambda connection: connection.execute(
            """insert into products.kpis__daily
               select kpi, title, unit, domain, higher_is_better, period + 28, value from products.kpis__daily
               where kpi = 'orders' and period >= date '2024-08-04'"""
        )
    )
    third = by_key(forecast_all())
    assert [key for key, report in third.items() if report.is_retrained] == [("orders", "daily")]
    assert third["orders", "daily"].model_version == "4"
    assert query("select min(period)::varchar from forecasts.forecasts where series = 'orders'").fetchone() == ("2024-09-29",)


def test_with_the_registry_away_stand_ins_forecast_and_the_reports_say_so(kpi_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (kpi_home / "mlflow").write_text("a file where the folder should be")
    reports = by_key(forecast_all())
    orders = reports["orders", "daily"]
    assert (orders.step, orders.model_version, orders.is_retrained) == ("theta", None, False)
    assert orders.note is not None
    assert "mlflow" in orders.note
    assert count("select count(*) from forecasts.forecasts where series = 'orders' and step = 'theta' and lower_80 < value") == 28
    assert count("select count(*) from forecasts.forecasts where model_version is not null") == 0


def test_without_a_budget_only_the_quickest_compete_and_the_row_says_so(kpi_home: Path) -> None:
    forecast_all(budget=0)
    assert query("select distinct champion from forecasts.champions order by 1").fetchall() in (
        [("theta",)],
        [("seasonal_naive",), ("theta",)],
    )
    assert query("select untried from forecasts.champions where series = 'orders'").fetchone() == (
        "median_ensemble, auto_ets, auto_ces",
    )


def test_without_kpi_tables_the_error_says_what_to_run(grimoire_home: Path) -> None:
    with pytest.raises(ModelError, match=r"kpis__series.*Run `grimoire run` first"):
        forecast_all()
