"""Logs and models as nobody wants them: every public question gives a defined result or an error that says what to do."""

import inspect
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from lake.errors import DataError, FileFormatError, GrimoireError, ModelError
from mining import Duration, EventLog, PetriNet, Trim, align, diagram_to_net, evaluate, find_deviations, read_bpmn, token_replay
from mining.discovery import Model
from mining.petri_net import Transition

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*")
START = datetime(2024, 1, 1, 8, tzinfo=UTC)
Question = Callable[[EventLog, Path], Any]

ROWS = {
    "empty": [],
    "one case": [("c", "a", 0), ("c", "b", 1), ("c", "a", 2)],
    "one event": [("c", "a", 0)],
    "null activity": [("c", "a", 0), ("c", None, 1)],
    "null time": [("c", "a", 0), ("c", "b", 1)],
    "624 activities": [(f"c{at % 40}", f"activity {at % 624}", at) for at in range(1_300)],
    "cases of 3,000 events": [(f"c{at // 3_000}", "abcd"[(at * at + at // 7) % 4], at) for at in range(9_000)],
    "equal times": [(f"c{at // 3}", "abc"[at % 3], 0) for at in range(30)],
    "negative durations": [(f"c{at // 3}", "abc"[at % 3], -at) for at in range(30)],
}
UNUSABLE = {"empty": "has no events", "null activity": "1 of the 2 events", "null time": "1 of the 2 events"}
LARGE = ("624 activities", "cases of 3,000 events")

QUESTIONS: dict[str, Question] = {
    "activities": lambda log, _: log.activities(),
    "ask": lambda log, _: log.ask("select count(*) as n from events"),
    "bottlenecks": lambda log, _: log.bottlenecks(),
    "case_durations": lambda log, _: log.case_durations(),
    "cases_sql": lambda log, _: log.connection.sql(log.cases_sql()),
    "changes": lambda log, _: log.changes(),
    "check_rules": lambda log, _: log.check_rules(["a precedes b", "b happens at most once"]),
    "compare": lambda log, _: log.compare(log),
    "compare_models": lambda log, _: log.compare_models(miners=("inductive", "dfg"), seconds=1),
    "conformance": lambda log, _: log.conformance(log.discover(miner="dfg")),
    "declare": lambda log, _: log.declare(),
    "dfg": lambda log, _: log.dfg(),
    "discover": lambda log, _: log.discover(),
    "draw": lambda log, folder: log.draw(folder / "log.svg"),
    "end_activities": lambda log, _: log.end_activities(),
    "eventually_follows": lambda log, _: log.eventually_follows(),
    "kpi": lambda log, _: log.kpi("avg(duration)"),
    "log_skeleton": lambda log, _: log.log_skeleton(),
    "sql": lambda log, _: log.connection.sql(log.sql("select count(*) as n from kept")),
    "start_activities": lambda log, _: log.start_activities(),
    "summary": lambda log, _: log.summary(),
    "temporal_profile": lambda log, _: log.temporal_profile(),
    "throughput": lambda log, _: log.throughput(),
    "variant_multiset": lambda log, _: log.variant_multiset(),
    "variants": lambda log, _: log.variants(),
}
# These write or select the events as they are, whatever is in them; OCEL is for logs with objects.
OF_ROWS: dict[str, Question] = {
    "rows_sql": lambda log, _: len(log.connection.sql(log.rows_sql()).fetchall()),
    "to_csv": lambda log, folder: log.to_csv(folder / "log.csv"),
    "to_parquet": lambda log, folder: log.to_parquet(folder / "log.parquet"),
    "to_xes": lambda log, folder: log.to_xes(folder / "log.xes"),
}
NO_QUESTIONS = {"close", "filter", "from_frame", "from_lake", "from_parquet", "from_relation", "stage", "to_ocel"}


def made(name: str) -> EventLog:
    cases, activities, minutes = zip(*ROWS[name], strict=True) if ROWS[name] else ((), (), ())
    moments = [START + timedelta(minutes=minute) for minute in minutes]
    columns = {"case_id": pyarrow.array(cases, pyarrow.string()), "activity": pyarrow.array(activities, pyarrow.string())}
    columns["occurred_at"] = times([START, None] if name == "null time" else moments)
    if name == "negative durations":  # each event ends before it starts, and each case runs backwards
        columns["started_at"] = times([START.replace(year=2030)] * len(moments))
    return EventLog.from_frame(pyarrow.table(columns))


def times(moments: list[datetime | None]) -> pyarrow.Array:
    return pyarrow.array(moments, pyarrow.timestamp("us", tz="UTC"))


def failures(log: EventLog, folder: Path, expected: Callable[[Question], None]) -> list[str]:
    told = []
    for name, question in QUESTIONS.items():
        try:
            expected(question)
        except Exception as error:  # whatever it is, the list of all tells more than the first
            told.append(f"{name}: {type(error).__name__}: {error}")
    return told


def refuse_nonsense(answer: Any) -> None:
    """Figures are numbers, and no time is negative."""
    if not hasattr(answer, "fetchall"):
        assert answer is not None
        return
    for row in answer.fetchall():
        for column, value in zip(answer.columns, row, strict=True):
            if isinstance(value, float):
                assert math.isfinite(value), column
                assert value >= 0 or not column.endswith("_seconds"), column


def test_every_public_question_is_asked_here():
    public = {name for name, part in inspect.getmembers(EventLog) if callable(part) and not name.startswith("_")}
    assert public == {*QUESTIONS, *OF_ROWS, *NO_QUESTIONS}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in ROWS])
def test_every_question_of_a_bad_log_is_answered_or_refused_with_what_to_do(name: str, tmp_path: Path):
    with made(name) as log:

        def expected(question: Question) -> None:
            if name not in UNUSABLE:
                refuse_nonsense(question(log, tmp_path))
                return
            with pytest.raises(DataError, match=UNUSABLE[name]) as refused:
                question(log, tmp_path)
            assert refused.value.remedy

        assert failures(log, tmp_path, expected) == []
        assert {kind: question(log, tmp_path) for kind, question in OF_ROWS.items()} == dict.fromkeys(OF_ROWS, len(ROWS[name]))
        with pytest.raises(FileFormatError, match="cannot be written as ocel-json"):
            log.to_ocel(tmp_path / "log.jsonocel")


@pytest.mark.parametrize("is_cut", [False, True], ids=["no case is kept", "no event is kept"])
def test_every_question_of_a_log_that_filters_have_emptied_is_answered_or_refused(tmp_path: Path, is_cut: bool):
    part = Trim(source=("nothing",)) if is_cut else Duration(minimum=1e9)
    with made("one case") as whole:
        log = whole.filter(part)

        def expected(question: Question) -> None:
            try:
                refuse_nonsense(question(log, tmp_path))
            except GrimoireError as refused:
                assert refused.remedy

        assert failures(log, tmp_path, expected) == []
        assert {kind: question(log, tmp_path) for kind, question in OF_ROWS.items()} == dict.fromkeys(OF_ROWS, 0)


def net(arcs: str) -> PetriNet:
    """A net of arcs such as `i>a>o`, with `i` and `o` as first and last place; capital letters are transitions."""
    pairs = [pair for way in arcs.split() for pair in zip(way.split(">"), way.split(">")[1:], strict=False)]
    parts = sorted({part for pair in pairs for part in pair})
    transitions = tuple(Transition(part, part.lower()) for part in parts if part.isupper())
    return PetriNet(tuple(part for part in parts if part.islower()), transitions, tuple(pairs), {"i": 1}, {"o": 1})


STUCK = net("i>A>p>C>o i>B>q>C")  # whichever happens first, C waits for ever
LEFT_OVER = net("i>A>p>B>o A>q>C>q")  # ends with a token left in q
STRANGE = net("i>X>p>Y>o")  # none of its labels is in any log here
USABLE = [name for name in ROWS if name not in {*UNUSABLE, *LARGE}]


@pytest.mark.parametrize("name", USABLE)
@pytest.mark.parametrize("bad", [STUCK, LEFT_OVER], ids=["stuck", "left over"])
def test_a_model_whose_end_cannot_be_reached_is_refused_and_an_evaluation_says_so(name: str, bad: PetriNet):
    model = Model("brought", 0.0, bad, None, is_sound=False)
    with made(name) as log:
        with pytest.raises(ModelError, match="No run through the model was found") as refused:
            log.conformance(bad)
        assert refused.value.remedy
        judged = evaluate(log, model, seconds=5)
        assert judged.fitness is None
        assert "No run through the model was found" in judged.remark
        assert not model.soundness().is_sound


@pytest.mark.parametrize("name", USABLE)
def test_a_model_with_labels_the_log_has_not_fits_nothing(name: str):
    with made(name) as log:
        result = align(log, STRANGE)
        assert result.average_fitness == 0
        assert result.perfectly_fitting == 0
        assert result.variants_unfinished == 0
        kinds = {(one.kind, one.activity) for one in find_deviations(log, result).found}
        assert {("skipped", "x"), ("skipped", "y")} <= kinds
        assert token_replay(log, STRANGE).clean_share == 0


def test_a_diagram_without_an_end_event_is_ended_where_nothing_follows_and_else_refused():
    text = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"><process id="p"><startEvent id="s"/>
<task id="t" name="a"/><task id="u" name="b"/><sequenceFlow id="f" sourceRef="s" targetRef="t"/>
<sequenceFlow id="g" sourceRef="t" targetRef="u"/>{}</process></definitions>"""
    with made("one case") as log:
        assert align(log, diagram_to_net(read_bpmn(text.format("")))).average_fitness == pytest.approx(0.8)  # a b, and a over
    with pytest.raises(ModelError, match="no end") as refused:
        diagram_to_net(read_bpmn(text.format('<sequenceFlow id="h" sourceRef="u" targetRef="t"/>')))
    assert refused.value.remedy == "Add an end event."
