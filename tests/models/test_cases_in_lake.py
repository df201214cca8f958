"""Running cases of a process in the lake, on a real lake and MLflow: kept, scored by the champion, and what is away said so."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

import lake
from connectors.event_log_files import import_event_log
from lake.database import MLFLOW, database_url
from lake.errors import ModelError, UnknownProcessError
from lake.settings import get_settings
from models.cases.registry import CaseRegistry
from models.cases.running import predict_all

pytestmark = pytest.mark.slow


def import_tickets(path: Path, *, cases: int = 120, still_open: int = 6) -> None:
    lines = ["case_id,activity,occurred_at"]
    for n in range(cases):
        days = 1 + n % 7
        way = ["Begin", "Check Quickly" if days < 4 else "Check Slowly", "Pack", "End"]
        for activity, later in list(zip(way, [0, 5, 24 * days, 24 * days + 3], strict=True))[: 2 if n >= cases - still_open else 4]:
            lines.append(f"c{n},{activity},{datetime(2024, 1, 1) + timedelta(hours=n * 6 + later):%Y-%m-%d %H:%M:%S}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    import_event_log(path)


def test_running_cases_are_scored_by_the_champion_and_trained_only_where_it_has_aged(grimoire_home: Path, tmp_path: Path) -> None:
    import_tickets(tmp_path / "tickets.csv")
    (first,) = predict_all()

    assert (first.skipped, first.model_version, first.open_cases) == (None, "1", 6)
    assert first.trained
    scored_at = lake.query("select max(computed_at) from predictions.scores").fetchone()
    (again,) = predict_all(["tickets"])
    assert (again.trained, again.model_version, again.open_cases) == (None, "1", 6)
    assert (again.mae_days, again.floor_mae_days, again.coverage_80, again.floors) == (
        first.mae_days, first.floor_mae_days, first.coverage_80, first.floors,
    )  # fmt: skip
    assert lake.query("select max(computed_at) from predictions.scores").fetchone() == scored_at, "nothing was new"
    import_tickets(tmp_path / "tickets.csv", still_open=5)
    (later,) = predict_all()
    assert (later.trained, later.open_cases) == (None, 5), "another log"
    rows = lake.query(
        "select s.case_id, s.model_version, s.mlflow_run_id, s.snapshot_id, t.alias from predictions.scores as s "
        "join predictions.trainings as t using (process, mlflow_run_id) order by s.rank"
    ).fetchall()
    assert {row[0] for row in rows} == {f"c{n}" for n in range(115, 120)}
    assert {row[4] for row in rows} == {"champion"}
    assert all(row[3] is not None for row in rows)
    registry = CaseRegistry()
    run = registry.client.get_run(rows[0][2])
    assert run.data.tags["process"] == "tickets"
    assert run.data.metrics["remaining_time.mae_days.floor"] == pytest.approx(first.floor_mae_days)
    version = registry.client.get_model_version("cases_tickets", "1")
    assert "| remaining_time | mae_days |" in version.description
    model = registry.client.get_logged_model(version.source.removeprefix("models:/"))
    assert model.artifact_location.startswith(get_settings().folder("mlflow", "artifacts").as_uri()), "not below some other folder"
    assert (model.source_run_id, model.status) == (run.info.run_id, "READY")
    assert model.params == run.data.params
    assert {one.key for one in model.metrics or []} == set(run.data.metrics)
    files = {item.path for item in registry.client.list_artifacts(run.info.run_id)}
    assert files == {"model_card.md", "measures.json", "earliness.json", "calibration.json"}


def test_a_log_that_nothing_can_be_learnt_from_is_skipped_and_an_unknown_one_named(grimoire_home: Path, tmp_path: Path) -> None:
    import_tickets(tmp_path / "few.csv", cases=9, still_open=0)
    (report,) = predict_all()

    assert "at least 30" in (report.skipped or "")
    assert predict_all() == [report], "nothing was new"
    assert lake.query("select process, reason from predictions.skipped").fetchall() == [("few", report.skipped)]
    with pytest.raises(UnknownProcessError):
        predict_all(["nowhere"])


def test_a_registry_that_is_away_is_said(grimoire_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import_tickets(tmp_path / "tickets.csv", cases=9)
    monkeypatch.setenv("GRIMOIRE_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nowhere")
    get_settings.cache_clear()
    with pytest.raises(ModelError, match="registry does not answer"):
        CaseRegistry()


def test_a_registry_that_goes_away_while_scoring_leaves_the_scores_of_before(grimoire_home: Path, tmp_path: Path) -> None:
    import_tickets(tmp_path / "tickets.csv")
    predict_all()
    scores = "select * from predictions.scores order by case_id"
    before = lake.query(scores).fetchall()
    import_tickets(tmp_path / "tickets.csv", still_open=5)

    def take_away(doing: str, _done: float) -> None:
        if doing == "predicting tickets":
            rename("registered_model_aliases", "taken_away")

    with pytest.raises(ModelError, match="registry does not answer"):
        predict_all(progress=take_away)
    assert lake.query(scores).fetchall() == before
    rename("taken_away", "registered_model_aliases")
    (report,) = predict_all()
    assert (report.open_cases, len(before)) == (5, 6)


def rename(table: str, new: str) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(database_url(MLFLOW, settings=get_settings()))
    with engine.begin() as connection:
        connection.execute(text(f"alter table {table} rename to {new}"))
    engine.dispose()
