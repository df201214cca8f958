"""The `grimoire` command as a person and a script meet it: what is printed where, and with which exit code."""

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import lake
from lake.postgres import embedded
from lake.settings import PROJECT_ROOT, get_settings
from mining.petri_net import PetriNet, Transition

GRIMOIRE = [str(Path(sys.executable).parent / "grimoire")]
COMMANDS = [
    "up",
    "stop",
    "status",
    "run",
    "build",
    "import",
    "mine",
    "conform",
    "forecast",
    "sql",
    "processes",
    "doctor",
    "maintain",
    "forget",
    "reset",
]
LOG = """case,activity,time,amount
1,register,2024-01-01T08:00:00Z,10.5
1,check,2024-01-01T09:00:00Z,10.5
1,pay,2024-01-02T08:00:00Z,10.5
2,register,2024-01-01T08:30:00Z,7
2,pay,2024-01-03T08:00:00Z,7
NA,register,2024-01-04T08:30:00Z,8
NA,check,2024-01-04T09:30:00Z,8
NA,pay,2024-01-05T08:00:00Z,8
"""


def grimoire(*words: str, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*GRIMOIRE, *words], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=200, **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture(scope="module")
def home(module_home: Path) -> Iterator[Path]:
    def work(con):
        con.execute("create schema t")
        con.execute(
            """create table t.a as select i, date '2024-01-01' + i::int as day, (i / 4)::decimal(9, 2) as price,
               timestamptz '2024-01-01 08:00:00Z' + to_hours(i::int) as at, 'Grüße, "' || i as words, i % 2 = 0 as is_even
               from range(3) r(i)"""
        )

    lake.in_transaction(work)
    yield module_home


def test_help_teaches_by_examples_and_names_every_command() -> None:
    done = grimoire("--help")
    assert done.returncode == 0
    assert [command for command in COMMANDS if f" {command} " not in done.stdout] == []
    for command in COMMANDS:
        assert f"$ grimoire {command}" in grimoire(command, "--help").stdout.replace("GRIMOIRE_APP_PORT=8600 ", "")


def test_help_needs_neither_database_nor_heavy_imports() -> None:
    heavy = ["duckdb", "pydantic", "sqlalchemy", "pandas", "pm4py", "dagster"]
    words = f"import sys, apps.cli.main; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", words], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["sql"],
        ["sql", "select 1", "--output", "x.docx"],
        ["sql", "x", "--write", "--as-of", "1"],
        ["mine", "x", "--noise", "2"],
        ["build", "--domain", "sales", "--select", "sales__orders"],
    ],
)
def test_wrong_usage_ends_with_2_and_nothing_on_stdout(words: list[str]) -> None:
    done = grimoire(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_sql_as_json_is_a_list_of_objects_and_nothing_else(home: Path) -> None:
    done = grimoire("sql", "from t.a order by i", "--json")
    assert json.loads(done.stdout)[1] == {
        "i": 1, "day": "2024-01-02", "price": 0.25, "at": "2024-01-01T09:00:00+00:00", "words": 'Grüße, "1', "is_even": False
    }  # fmt: skip
    assert done.stderr == ""
    assert json.loads(grimoire("sql", "from t.a where false", "--json").stdout) == []
    odd = grimoire(
        "sql", "select 'nan'::double a, 1 a, null b, [1.5::decimal(3,1)] c, {'k': date '2024-01-01'} d, 'ab'::blob e", "--json"
    )
    assert json.loads(odd.stdout) == [{"a": None, "a_2": 1, "b": None, "c": [1.5], "d": {"k": "2024-01-01"}, "e": "6162"}]


def test_sql_prints_a_table_and_says_when_it_leaves_rows_out(home: Path) -> None:
    done = grimoire("sql", "select i from range(50) t(i)", "--limit", "3")
    assert [line.strip() for line in done.stdout.splitlines() if line.strip()][2:] == ["0", "1", "2"]
    assert "--limit 0" in done.stderr


@pytest.mark.parametrize("ending", ["csv", "json", "ndjson", "parquet"])
def test_sql_saves_rows_in_the_form_the_ending_names(home: Path, tmp_path: Path, ending: str) -> None:
    import duckdb

    target = tmp_path / f"rows.{ending}"
    done = grimoire("sql", "from t.a order by i", "--output", str(target))
    assert done.returncode == 0, done.stderr
    assert "3 rows saved" in done.stderr
    assert duckdb.sql(f"select sum(i), sum(price)::double from '{target}'").fetchone() == (3, 0.75)
    if ending == "csv":
        assert next(csv.DictReader(target.read_text().splitlines()))["day"] == "2024-01-01"
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_sql_that_fails_leaves_an_earlier_file_as_it_was(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "rows.csv"
    target.write_text("precious")
    done = grimoire("sql", "select case when i = 2 then error('on purpose') else i end from t.a", "--output", str(target))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert target.read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 1


def test_sql_writes_only_when_it_is_told_to(home: Path) -> None:
    refused = grimoire("sql", "create table t.b as select 1 as i")
    assert refused.returncode == 1
    assert "--write" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert grimoire("sql", "create table t.b as select 1 as i", "--write").returncode == 0
    assert grimoire("sql", "insert into t.b values (2); drop table nowhere", "--write").returncode == 1
    with lake.connect(read_only=True) as connection:
        now = lake.current_snapshot(connection)
    assert grimoire("sql", "delete from t.b", "--write").returncode == 0
    assert json.loads(grimoire("sql", "from t.b", "--json").stdout) == []
    assert json.loads(grimoire("sql", "from t.b", "--json", "--as-of", str(now)).stdout) == [{"i": 1}]


def test_sql_reads_a_statement_from_standard_input_and_bears_a_closed_pipe(home: Path) -> None:
    assert json.loads(grimoire("sql", "-", "--json", input="select 7 as n").stdout) == [{"n": 7}]
    done = subprocess.run(
        f"{GRIMOIRE[0]} sql 'from range(200000)' --json | head -1", shell=True, cwd=PROJECT_ROOT, capture_output=True, text=True
    )
    assert done.stdout == "[\n"
    assert "Traceback" not in done.stderr


def test_an_unknown_process_is_told_with_the_way_out(home: Path) -> None:
    done = grimoire("mine", "nonsense", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nonsense" in done.stderr
    assert "What to do" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_becomes_a_mined_process_and_its_model_a_file(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "small log.csv"
    log.write_text(LOG)
    done = grimoire(
        "import", str(log), "--name", "small", "--case", "case", "--activity", "activity", "--timestamp", "time", "--json"
    )
    assert done.returncode == 0, done.stderr
    [report] = json.loads(done.stdout)
    assert [report[name] for name in ("process", "cases", "events", "activities", "rows_quarantined")] == ["small", 3, 8, 3, 0]
    [known] = json.loads(grimoire("processes", "--json").stdout)
    assert (known["process"], known["origin"], known["cases"], known["variants"]) == ("small", "file", 3, 2)

    bpmn, pnml = tmp_path / "small.bpmn", tmp_path / "small.pnml"
    words = ["mine", "small", "--miner", "inductive", "--noise", "0", "--json", "--bpmn", str(bpmn), "--pnml", str(pnml)]
    mined = json.loads(grimoire(*words).stdout)
    assert set(mined) == {"places", "transitions", "silent", "arcs", "average_fitness", "perfectly_fitting", "seconds"}
    assert (mined["average_fitness"], mined["perfectly_fitting"]) == (1.0, 1.0)
    assert "bpmn" in bpmn.read_text()
    assert "<pnml" in pnml.read_text()


def test_a_process_is_held_against_models_and_rules(home: Path, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(LOG)
    assert grimoire("import", str(tmp_path / "orders.csv"), "--name", "conforming", "--no-mine").returncode == 0
    unmined = grimoire("conform", "conforming")
    assert unmined.returncode == 1
    assert "grimoire mine conforming" in unmined.stderr

    strict = tmp_path / "strict.pnml"
    net = PetriNet(
        ("p0", "p1", "p2", "p3"),
        (Transition("t1", "register"), Transition("t2", "check"), Transition("t3", "close")),
        (("p0", "t1"), ("t1", "p1"), ("p1", "t2"), ("t2", "p2"), ("p2", "t3"), ("t3", "p3")),
        {"p0": 1},
        {"p3": 1},
        name="strict",
    )
    strict.write_text(net.to_pnml())
    words = ["conform", "conforming", "--model", str(strict), "--json"]
    none = grimoire(*words, "--unaccept", "skipped close")  # before anything was ever accepted
    assert none.returncode == 1
    assert "On it: nothing." in none.stderr
    done = grimoire(*words, "--accept", "skipped close")
    report = json.loads(done.stdout)
    assert (report["is_sound"], report["only_in_model"], report["only_in_log"]) == (True, ["close"], ["pay"])
    assert (report["perfectly_fitting"], report["variants_unfinished"]) == (0.0, 0)
    found = {(one["kind"], one["activity"], one["after"]): (one["cases"], one["is_accepted"]) for one in report["deviations"]}
    assert found[("skipped", "check", "register")] == (1, False)
    assert sum(cases for (kind, name, _), (cases, _) in found.items() if (kind, name) == ("inserted", "pay")) == 3
    assert {accepted for (kind, name, _), (_, accepted) in found.items() if (kind, name) == ("skipped", "close")} == {True}
    assert report["fitness_after_accepted"] > report["average_fitness"]
    assert "on the accept-list" not in done.stderr
    # A misspelt name was put on the list without a word.
    assert "deviates like «skipped clsoe»" in grimoire(*words, "--accept", "skipped clsoe").stderr
    again = json.loads(grimoire(*words, "--unaccept", "skipped close").stdout)
    assert {one["is_accepted"] for one in again["deviations"]} == {False}
    assert again["fitness_after_accepted"] == again["average_fitness"] == report["average_fitness"]
    twice = grimoire(*words, "--unaccept", "skipped close")
    assert twice.returncode == 1
    assert "On it: `skipped clsoe`." in twice.stderr
    kept = json.loads(grimoire("sql", "select count(*) as n from mining.alignments where not is_of_process", "--json").stdout)
    assert kept == [{"n": 2}]

    drawn = tmp_path / "drawn.bpmn"
    assert grimoire("mine", "conforming", "--noise", "0", "--bpmn", str(drawn)).returncode == 0
    own = json.loads(grimoire("conform", "conforming", "--json").stdout)
    theirs = json.loads(grimoire("conform", "conforming", "--model", str(drawn), "--json").stdout)
    assert (own["model"], theirs["model"]) == ("the model of conforming", "drawn.bpmn")
    assert own["perfectly_fitting"] == theirs["perfectly_fitting"] == 1.0
    assert own["deviations"] == theirs["deviations"] == []

    rules = grimoire("conform", "conforming", "--rules")
    assert rules.returncode == 0
    assert "has no rules" in rules.stdout + rules.stderr
    strict.write_text("not XML")
    for more in (["--model", str(strict)], ["--model", str(tmp_path / "none.pnml")], ["--accept", "close"]):
        wrong = grimoire("conform", "conforming", *more)
        assert wrong.returncode == 1
        assert "What to do" in wrong.stderr
        assert "Traceback" not in wrong.stderr


def test_a_process_is_forgotten_only_after_a_yes(home: Path, tmp_path: Path) -> None:
    (tmp_path / "brief.csv").write_text(LOG)
    assert grimoire("import", str(tmp_path / "brief.csv"), "--no-mine").returncode == 0

    def known() -> set[str]:
        return {process["process"] for process in json.loads(grimoire("processes", "--json").stdout)}

    asked = grimoire("forget", "brief", input="n\n")
    assert asked.returncode == 1 and "Nothing was forgotten" in asked.stderr and "brief" in known()
    done = grimoire("forget", "brief", "--yes", "--json")
    assert json.loads(done.stdout) == {"process": "brief", "cases": 3, "events": 8, "rows_quarantined": 0}, done.stderr
    assert "brief" not in known()
    again = grimoire("forget", "brief", "--yes")
    assert again.returncode == 1 and "no process `brief`" in again.stderr and "Traceback" not in again.stderr


def test_a_file_that_is_no_log_is_told_by_its_name(home: Path, tmp_path: Path) -> None:
    done = grimoire("import", str(tmp_path / "nowhere.csv"))
    assert done.returncode == 1
    assert "nowhere.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_and_doctor_answer_scripts(home: Path) -> None:
    assert json.loads(grimoire("status", "--json").stdout)["home"] == str(home)
    findings = json.loads(grimoire("doctor", "--json").stdout)
    assert {"python", "database", "catalog", "extensions", "disk"} <= {finding["name"] for finding in findings}


def test_maintain_reports_what_it_did(home: Path) -> None:
    report = json.loads(grimoire("maintain", "--json").stdout)
    assert report["orphans_removed"] == 0
    assert report["files_after"] >= 0


def test_reset_asks_first_and_refuses_while_the_lake_is_in_use(grimoire_home: Path) -> None:
    assert "nothing of Grimoire's" in grimoire("reset").stderr
    grimoire("sql", "create table a as select 1 as i", "--write")
    asked = grimoire("reset", input="n\n")
    assert asked.returncode == 1
    assert "Nothing was deleted" in asked.stderr
    lake.query("from a")
    assert grimoire("reset", "--yes").returncode == 1
    embedded(get_settings()).release()
    assert grimoire("reset", "--yes").returncode == 0
    assert not grimoire_home.exists()


def test_ctrl_c_ends_with_130_and_a_term_signal_stops_the_database_too(grimoire_home: Path) -> None:
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        child = subprocess.Popen(
            [*GRIMOIRE, "sql", "select count(*) from range(100000) a, range(100000) b where a.range * b.range = 7"],
            cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job starts with it ignored
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while not embedded(get_settings()).is_ready() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(2)
        child.send_signal(number)
        try:
            said = child.communicate(timeout=60)
        finally:
            child.kill()
        assert child.returncode == code, said
        assert "Traceback" not in said[1]
        assert embedded(get_settings()).pid() is None


def test_demo_sources_says_what_it_connected_and_what_it_found_no_file_for(grimoire_home: Path, tmp_path: Path) -> None:
    (tmp_path / "eve.json").touch()
    done = grimoire("demo", "sources", str(tmp_path), "--json")
    assert json.loads(done.stdout) == {"added": ["suricata"], "there": [], "without_files": ["servicenow", "cisa_kev", "syslog"]}
    assert "eve*.json" in (grimoire_home / "connections" / "suricata.yaml").read_text()
    refused = grimoire("demo", "sources", str(tmp_path / "nowhere"))
    assert (refused.returncode, "There is no folder" in refused.stderr) == (1, True)
