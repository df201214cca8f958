"""What `mining` offers, and what importing it does not load."""

import subprocess
import sys

import pytest

import lake
import mining
from mining import EventLog, Length, build_layout


def test_the_names_on_offer_are_these_and_are_there():
    assert mining.__all__ == sorted(mining.__all__)
    assert set(mining.__all__) == {
        *("Attribute", "Conformance", "Duration", "Endpoints", "EventLog", "Filter", "Follows", "Length", "MinedResult", "Model"),
        *(
            "PetriNet",
            "Timeframe",
            "Variants",
            "WorkingCalendar",
            "align",
            "build_layout",
            "discover",
            "filters_from_json",
            "filters_to_json",
            "forget_process",
            "is_mined",
        ),
        *("AllBut", "AnyOf", "Cases", "FourEyes", "Path", "Performance", "Rework", "Sample", "State", "Trim"),
        *("Measure", "measures_of"),
        *("ModelComparison", "Evaluation", "Soundness", "check_soundness", "compare_models", "compare_process", "evaluate"),
        *("diagram_to_net", "net_to_diagram", "read_bpmn"),
        *("Accepted", "Deviation", "Deviations", "ReplayEstimate", "RuleResult", "accept_deviation", "check_rules", "conform"),
        *("ConformanceReport", "refuse_deviation"),
        *("deviating_cases", "find_deviations", "run_process_tests", "token_replay", "violating_cases"),
        *("Change", "Comparison", "Difference", "ComparedMeasure", "bottlenecks", "changes", "compare"),
        "mine",
        "parameters_of",
        *("DeclareModel", "LogSkeleton", "TemporalProfile", "discover_declare", "discover_log_skeleton"),
        *("ObjectCentricLog", "ObjectCentricNet", "discover_net"),
    }
    assert all(hasattr(mining, name) for name in mining.__all__)


def test_importing_mining_loads_none_of_the_heavy_libraries():
    heavy = ["pm4py", "r4pm", "pandas", "polars", "pyarrow", "ibis", "duckdb"]
    program = (
        f"import sys, mining; all_of_it = [getattr(mining, name) for name in mining.__all__]; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_asking_a_log_of_the_lake_loads_neither_miners_nor_database_libraries(small_log):
    unneeded = ["sqlalchemy", "psycopg", "pandas", "pyarrow", "numpy", "mining.discovery", "mining.alignments"]
    program = (
        "import sys; from mining import EventLog\n"
        f"with EventLog.from_lake({small_log!r}) as log: print(log.dfg().fetchall() != [], log.uses_kept_layout)\n"
        f"print([name for name in {unneeded} if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["True True", "[]"]


def test_the_times_a_layout_keeps_are_those_of_its_events(small_log):
    with EventLog.from_lake(small_log) as log:
        every = log.filter(Length(minimum=1))
        for question in (EventLog.dfg, EventLog.variants):
            kept, computed = question(log).fetchall(), question(every).fetchall()
            assert [row[-3:] for row in kept] == [pytest.approx(row[-3:]) for row in computed]
            assert [row[:-3] for row in kept] == [row[:-3] for row in computed]
        assert log.dfg().fetchone() == ("a", "b", 3, 3, 7200.0, 7200.0, 10080.0)


def test_a_log_with_a_small_layout_is_asked_with_one_thread(small_log):
    def threads(**how):
        with EventLog.from_lake(small_log, **how) as log:
            return log.connection.sql("select current_setting('threads')").fetchone()[0]

    every = lake.get_settings().threads
    assert threads() == 1
    assert threads(layout=False) == every, "a layout has to be built"
    assert threads(threads=3) == 3


@pytest.fixture(autouse=True)
def own_home(module_home):
    """The home of this module's log instead of one per test."""


@pytest.fixture(scope="module")
def small_log(module_home):
    """Three cases, whose steps from a to b take one, two and three hours."""

    def work(connection):
        connection.execute("create schema if not exists event_logs")
        connection.execute("""
            create table event_logs.small as
            select 'k' || number as case_id, activity, timestamptz '2024-01-01' + to_hours(number * late) as occurred_at,
                late as source_row
            from range(1, 4) as cases(number), (values ('a', 0), ('b', 1)) as events(activity, late)""")

    lake.in_transaction(work)
    build_layout("small")
    return "small"
