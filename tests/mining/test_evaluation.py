"""Evaluation: figures of models by hand, the order of proposals, and a comparison kept in the lake."""

import pytest

import lake
from lake.errors import ModelError
from mining import compare_models, compare_process, evaluate
from mining.discovery import Model, discover_from_variants
from mining.evaluation import Evaluation, rank, simplicity
from mining.model_comparison import COLUMNS
from mining.petri_net import PetriNet, Transition

STUCK = PetriNet(("p", "q", "r"), (Transition("t", "a"),), (("p", "t"), ("q", "t"), ("t", "r")), {"p": 1}, {"r": 1})


def test_a_model_of_its_own_log_is_perfect(log_of):
    log = log_of([("1", "a", 0), ("1", "b", 1), ("2", "a", 0), ("2", "b", 1)])
    found = evaluate(log, log.discover(noise=0))

    assert (found.fitness, found.perfectly_fitting, found.precision, found.precision_coverage, found.f_score) == (1, 1, 1, 1, 1)
    assert (found.simplicity, found.remark) == (1.0, "")
    assert found.generalisation == pytest.approx(1 - 1 / 2**0.5)


def test_one_case_of_one_event_can_be_compared(log_of):
    comparison = compare_models(log_of([("NA", "a", 0)]), miners=["inductive", "dfg"])

    assert [one.fitness for one in comparison.evaluations] == [1.0, 1.0]
    assert comparison.best == "inductive"


def test_an_unsound_model_is_measured_as_far_as_it_goes_and_says_what_is_wrong(log_of):
    log = log_of([("1", "a", 0)])
    found = evaluate(log, Model("mine", 0, STUCK, None, False))

    assert found.fitness is None
    assert "A run can get stuck" in found.remark
    assert rank([found]).best is None


def figures(name, fitness, precision, *, sound=True, simple=0.5):
    return Evaluation(name, Model(name, 0, STUCK, None, sound), fitness, 1.0, precision, 1.0, 0.5, simple)


def test_sound_models_come_before_better_ones_and_simpler_ones_before_hardly_better_ones():
    comparison = rank([figures("unsound", 1, 1, sound=False), figures("poor", 0.5, 0.5), figures("good", 0.9, 0.9)])
    assert [one.name for one in comparison.evaluations] == ["good", "poor", "unsound"]
    assert comparison.reason.startswith("good: sound, and the best F-score of the 2 sound models")

    close = rank([figures("good", 0.9, 0.9), figures("plain", 0.895, 0.895, simple=0.9)])
    assert (close.best, "the simplest of the 2" in close.reason) == ("plain", True)

    assert "none of the 1 models is known to be sound" in rank([figures("unsound", 1, 1, sound=False)]).reason


def test_simplicity_is_by_the_arcs_at_a_node():
    assert simplicity(discover_from_variants({("a", "b"): 1}, noise=0).net) == 1.0
    assert simplicity(PetriNet(("p",), (Transition("t"),), (("p", "t"), ("t", "p"), ("p", "t")), {}, {})) == pytest.approx(1 / 2)


def test_a_comparison_is_kept_with_the_texts_of_its_models(grimoire_home):
    def land(connection):
        connection.execute("create schema if not exists event_logs")
        connection.execute(
            "create table event_logs.small as select 'NA' as case_id, unnest(['a', 'b''s', 'c']) as activity, "
            "timestamptz '2024-01-01' as occurred_at, unnest(range(3))::bigint as source_row"
        )

    lake.in_transaction(land)
    for _ in range(2):
        comparison = compare_process("small", miners=["inductive", "dfg"])
    rows = lake.query("select miner, is_best, fitness, pnml like '<?xml%', bpmn like '<?xml%', reason from mining.model_comparison")

    assert sorted(rows.fetchall()) == [
        ("dfg", False, 1.0, True, True, None),
        ("inductive", True, 1.0, True, True, comparison.reason),
    ]
    assert len(lake.query("from mining.model_comparison").columns) == len(COLUMNS.split(", ")) + 3


def test_a_miner_that_is_none_is_refused(log_of):
    with pytest.raises(ModelError, match="no miner `magic`"):
        compare_models(log_of([("1", "a", 0)]), miners=["inductive", "magic"])
