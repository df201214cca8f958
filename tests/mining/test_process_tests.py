"""Process tests of a real lake: rules judged with the process, kept, journalled as checks, and forgotten with it."""

import pytest

import lake
from lake.errors import ProcessFileError
from lake.registry import register_process
from mining import Accepted, accept_deviation, mine, run_process_tests

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*")
ROWS = """
    select case_id::varchar as case_id, activity, timestamptz '2024-01-01' + to_hours(case_id * 10 + pos) as occurred_at,
        null::timestamptz as started_at, 'ann' as resource, row_number() over (order by case_id, pos) as source_row
    from (values (1, 'a', 0), (1, 'b', 1), (2, 'b', 0), (2, 'a', 1), (3, 'a', 0), (3, 'c', 1), (4, 'a', 0), (4, 'b', 1))
        as v(case_id, activity, pos)"""
RULES = [
    "a precedes b",
    {"rule": "c never happens", "threshold": 0, "severity": "error"},
    {"rule": "a and b are done by different people", "threshold": "100 %"},
    "Z precedes b",
]


@pytest.fixture(autouse=True)
def own_home(module_home):
    """These tests share one lake, so the folder's other fixture of that name gives way."""


def publish(process, definition):
    def work(connection):
        connection.execute("create schema if not exists event_logs")
        connection.execute(f"create or replace table event_logs.{process} as {ROWS}")
        register_process(connection, process, title=process, origin="product", definition=definition)

    lake.in_transaction(work)


def rows(sql):
    return lake.query(sql).fetchall()


def test_rules_are_judged_with_the_process_and_tests_are_journalled():
    slas = [{"name": "s", "text": "quick", "from": "a", "to": "b", "within_hours": 0.5}]
    publish("tested", {"rules": RULES, "slas": slas})
    mined = mine("tested", noise=0)
    columns = "rule, cases_checked, cases_violating, sample_cases, threshold, is_passed, remark, snapshot_id"
    asked = f"select {columns} from mining.rule_results where process = 'tested'"
    expected = [
        ("a precedes b", 3, 1, ["2"], None, None, None, mined.snapshot_id),
        ("c never happens", 4, 1, ["3"], "0%", False, None, mined.snapshot_id),
        ("a and b are done by different people", 3, 3, ["1", "2", "4"], "100%", True, None, mined.snapshot_id),
        ("Z precedes b", 3, 3, ["1", "2", "4"], None, None, "The log has no activity Z.", mined.snapshot_id),
        ("quick", 2, 2, ["1", "4"], None, None, None, mined.snapshot_id),
    ]
    assert rows(asked) == expected
    results, checks = run_process_tests("tested")
    assert [one.rule.text for one in results] == [row[0] for row in expected]
    assert [(one.check_name, one.passed, one.severity, one.blocking) for one in checks] == [
        ("c never happens", False, "error", True),
        ("a and b are done by different people", True, "warning", False),
    ]
    assert "1 of 4 cases, such as 3; the threshold is 0%" in checks[0].detail
    assert rows(
        "select check_name, passed, rows_failed from platform.check_results where layer = 'mining' and subject = 'tested'"
    ) == [
        ("c never happens", False, 1),
        ("a and b are done by different people", True, 3),
    ]
    assert [row[:7] for row in rows(asked)] == [row[:7] for row in expected], "replaced, not added to"


def test_a_rule_that_is_new_where_the_log_is_not_is_judged():
    publish("again", {"rules": RULES[:1]})
    mine("again", noise=0)
    lake.in_transaction(
        lambda connection: register_process(
            connection, "again", title="x", origin="product", definition={"rules": ["b precedes a"]}
        )
    )
    run_process_tests("again")
    assert rows("select rule, cases_violating from mining.rule_results where process = 'again'") == [("b precedes a", 3)]


def test_a_process_without_rules_has_no_results_and_one_with_a_bad_rule_says_so():
    publish("none", {})
    assert run_process_tests("none") == ([], [])
    publish("bad", {"rules": [{"kind": "guess"}]})
    with pytest.raises(ProcessFileError, match=r"bad: rules 1 .* there is no kind `guess`"):
        run_process_tests("bad")


def test_alignments_and_deviations_are_kept_and_accepted_ones_heeded():
    publish("kept", {"accepted_deviations": ["skipped c"]})
    mine("kept", noise=0)
    asked = "select sum(cost), count(*), any_value(status), bool_and(is_of_process) from mining.alignments where process = 'kept'"
    assert rows(asked) == [(0, 3, "finished", True)]
    assert rows("select average_fitness, deviations, cases from mining.conformance where process = 'kept'") == [(1.0, 0, 4)]

    publish("grown", {})
    mine("grown", noise=0)
    more = " union all ".join(
        f"select '9', '{name}', timestamptz '2024-05-0{day}', null, 'bob', {day + 90}" for day, name in ((1, "a"), (2, "x"))
    )
    lake.in_transaction(lambda connection: connection.execute(f"insert into event_logs.grown {more}"))
    accept_deviation("grown", Accepted("inserted", "x"))
    mine("grown", noise=0, growth=0.5)
    deviations = rows("select kind, activity, after_activity, cases, is_accepted from mining.deviations where process = 'grown'")
    assert ("inserted", "x", "a", 1, True) in deviations
    ((fitting, after),) = rows("select perfectly_fitting, fitting_after_accepted from mining.conformance where process = 'grown'")
    assert (fitting, after) == (pytest.approx(0.8), pytest.approx(0.8 if len(deviations) > 1 else 1.0))
    drill = """
        select c.case_id from layouts.grown__cases as c
        where c.variant_id in (select unnest(variant_ids) from mining.deviations where process = 'grown' and activity = 'x')"""
    assert rows(drill) == [("9",)]


def test_alignments_with_a_model_that_was_brought_stay_and_are_used_again(monkeypatch):
    from mining import EventLog, Length, PetriNet, align
    from mining.alignment_table import keep_alignments
    from mining.petri_net import Transition

    publish("brought", {})
    mine("brought", noise=0)
    net = PetriNet(("p", "q"), (Transition("t", "a"),), (("p", "t"), ("t", "q")), {"p": 1}, {"q": 1})
    with EventLog.from_lake("brought") as log:
        first = align(log, net)
        keep_alignments("brought", first, snapshot_id=log.snapshot_id)
        keep_alignments("brought", first, snapshot_id=log.snapshot_id)
    lake.in_transaction(
        lambda connection: connection.execute("insert into event_logs.brought select '8', 'a', now(), null, 'x', 99")
    )
    mine("brought", noise=0)
    monkeypatch.setattr("mining.alignments.search", lambda traces, *_: pytest.fail(f"{traces} were searched again"))
    with EventLog.from_lake("brought") as log:
        again = align(log.filter(Length(minimum=2)), net)
    assert [(one.activities, one.cost, one.moves) for one in again.variants] == [
        (one.activities, one.cost, one.moves) for one in first.variants
    ]
    assert rows("select count(*) from mining.alignments where process = 'brought' and not is_of_process") == [(3,)]


def test_an_unsound_model_is_told_to_be_so_and_its_alignments_are_exact_all_the_same():
    from mining import PetriNet, conform
    from mining.petri_net import Transition

    publish("odd", {})
    transitions = (Transition("t", "a"), Transition("u", "never"))
    arcs = (("p", "t"), ("t", "q"), ("r", "u"), ("u", "q"))
    report = conform("odd", PetriNet(("p", "q", "r"), transitions, arcs, {"p": 1}, {"q": 1}), name="odd.pnml")

    assert (report.is_sound, report.model, report.only_in_model, report.only_in_log) == (False, "odd.pnml", ("never",), ("b", "c"))
    assert report.problems
    assert report.conformance.average_fitness == pytest.approx(1 - 1 / 3), "each case has one event the model has not"
    assert {(one.kind, one.activity): one.cases for one in report.deviations.found if one.activity == "c"} == {("inserted", "c"): 1}
