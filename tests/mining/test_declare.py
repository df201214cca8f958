"""DECLARE: each template against its reading in plain Python, pm4py on public logs, and holding logs against a model."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from lake.errors import FileFormatError, ModelError
from mining import DeclareModel, Endpoints, discover_declare
from mining.declare import TEMPLATES

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*", "ignore:The inplace")
TRACES = some.lists(some.lists(some.sampled_from(["a", "b", "ç 'd'"]), min_size=1, max_size=7), min_size=1, max_size=8)
SETTINGS = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
PM4PY = {  # the templates whose counts are pm4py's, by its names
    **{name: name for name in ("existence", "absence", "exactly_one", "init", "responded_existence", "coexistence")},
    **{name: name for name in ("response", "precedence", "succession")},
    **{f"alternate_{name}": f"alt{name}" for name in ("response", "precedence", "succession")},
    **{f"chain_{name}": f"chain{name}" for name in ("response", "precedence", "succession")},
    "not_coexistence": "noncoexistence",
}


def keeps(template, t, a, b):
    """Whether a trace keeps a constraint, None where that is not activated: read off the definitions, event by event."""
    at = {name: [place for place, one in enumerate(t) if one == name] for name in (a, b)}
    each_a, each_b, pair = at[a], at[b], [one for one in t if one in (a, b)]
    response = all(any(j > i for j in each_b) for i in each_a)
    precedence = all(any(i < j for i in each_a) for j in each_b)
    alt_response = all(pair[i + 1 : i + 2] == [b] for i, one in enumerate(pair) if one == a)
    alt_precedence = all(i > 0 and pair[i - 1] == a for i, one in enumerate(pair) if one == b)
    chain_response = all(t[i + 1 : i + 2] == [b] for i in each_a)
    chain_precedence = all(j > 0 and t[j - 1] == a for j in each_b)
    of_one = {
        "existence": bool(each_a),
        "absence": not each_a,
        "at_most_one": len(each_a) <= 1,
        "exactly_one": len(each_a) == 1,
        "init": t[0] == a,
        "end": t[-1] == a,
    }
    of_source = {
        "responded_existence": bool(each_b),
        "response": response,
        "alternate_response": alt_response,
        "chain_response": chain_response,
    }
    of_target = {"precedence": precedence, "alternate_precedence": alt_precedence, "chain_precedence": chain_precedence}
    of_either = {
        "coexistence": bool(each_a) and bool(each_b),
        "succession": response and precedence,
        "alternate_succession": alt_response and alt_precedence,
        "chain_succession": chain_response and chain_precedence,
        "not_coexistence": not (each_a and each_b),
        "not_succession": not any(i < j for i in each_a for j in each_b),
        "not_chain_succession": not any(t[i + 1 : i + 2] == [b] for i in each_a),
    }
    active = [(of_one, True), (of_source, each_a), (of_target, each_b), (of_either, each_a or each_b)]
    return next(found[template] if is_active else None for found, is_active in active if template in found)


def events_of(traces):
    return [(f"case {number}", name, place) for number, names in enumerate(traces) for place, name in enumerate(names)]


def everything(log):
    return discover_declare(log, min_support=0, min_confidence=0)


@SETTINGS
@given(traces=TRACES)
def test_each_template_means_what_its_definition_says(log_of, traces):
    model = everything(log_of(events_of(traces)))

    names = sorted({name for trace in traces for name in trace})
    expected = {}
    for template, said in TEMPLATES.items():
        for a in names:
            for b in [a] if said.is_unary else [b for b in names if b != a and not (said.is_symmetric and b < a)]:
                verdicts = [verdict for trace in traces if (verdict := keeps(template, trace, a, b)) is not None]
                if verdicts:
                    expected[template, a, None if said.is_unary else b] = (len(verdicts), sum(verdicts))
    assert {(one.template, one.source, one.target): (one.activated, one.kept) for one in model.constraints} == expected


@SETTINGS
@given(traces=TRACES, others=TRACES)
def test_a_check_finds_exactly_the_traces_that_break_a_constraint(log_of, traces, others):
    model, log = everything(log_of(events_of(traces))), log_of(events_of(others))
    check = model.check(log)

    expected = {}
    for one in model.constraints:
        broken = [
            f"case {n}" for n, t in enumerate(others) if keeps(one.template, t, one.source, one.target or one.source) is False
        ]
        if broken:
            expected[one.template, one.source, one.target] = broken
    assert check.broken == {rule: len(cases) for rule, cases in expected.items()}
    for rule, cases in list(expected.items())[:3]:
        assert sorted(check.case_ids(*rule)) == sorted(cases)


def test_support_and_confidence_are_shares(log_of):
    model = discover_declare(log_of(events_of(["ab", "ab", "ac", "c"])), templates=["response"], min_confidence=0.6)

    (one,) = model.constraints
    assert (one.template, one.source, one.target, one.activated, one.kept, model.cases) == ("response", "a", "b", 3, 2, 4)
    assert (one.support, one.confidence) == (0.75, pytest.approx(2 / 3))
    assert one.words == "After «a», «b» happens sooner or later."


def test_filters_apply_to_discovery_and_check(log_of):
    log = log_of(events_of(["ab", "ba", "ba"]))
    forward = log.filter(Endpoints(starts="a"))
    model = forward.declare(templates=["precedence"])

    assert [(one.source, one.target) for one in model.constraints] == [("a", "b")]
    assert model.check(forward).broken == {}
    assert model.check(log).broken == {("precedence", "a", "b"): 2}
    assert model.check(log).case_ids("precedence", "a", "b") == ["case 1", "case 2"]


def test_a_model_survives_json(log_of):
    model = everything(log_of(events_of(['a"b', "äb"])))

    assert DeclareModel.from_json(model.to_json()) == model


@SETTINGS
@given(traces=TRACES)
def test_the_strongest_constraints_say_all_that_the_others_do(log_of, traces):
    """A trace that keeps all the strongest of a fully kept model keeps the whole model."""
    model = discover_declare(log_of(events_of(traces)), min_support=0, min_confidence=1)
    strongest = model.strongest()

    assert set(strongest.constraints) <= set(model.constraints)
    for t in (["a"], ["b", "a"], ["a", "b"], ["a", "b", "a", "b"], ["ç 'd'", "a", "b", "b"], ["a", "a", "b"], ["b", "ç 'd'"]):
        broken = [
            [keeps(one.template, t, one.source, one.target or one.source) is False for one in m.constraints]
            for m in (model, strongest)
        ]
        assert any(broken[0]) == any(broken[1])


def test_what_follows_from_a_stronger_constraint_is_left_out(log_of):
    model = discover_declare(log_of(events_of(["ab", "abab"])), min_confidence=1)

    assert {one.rule for one in model.strongest().constraints} == {
        ("chain_succession", "a", "b"),
        ("init", "a", None),
        ("end", "b", None),
    }


def test_a_model_without_constraints_is_broken_by_nobody(log_of):
    assert DeclareModel((), 0).check(log_of(events_of(["ab"]))).broken == {}


@pytest.mark.parametrize("text", ["", "[]", '{"cases": 1}', '{"cases": 1, "constraints": [{"template": "init"}]}'])
def test_what_is_no_model_is_refused(text):
    with pytest.raises(FileFormatError, match="no DECLARE model"):
        DeclareModel.from_json(text)


def test_unknown_templates_and_impossible_shares_are_refused(log_of):
    log = log_of(events_of(["ab"]))
    with pytest.raises(ModelError, match="no template `sometimes`"):
        discover_declare(log, templates=["sometimes"])
    with pytest.raises(ModelError, match=r"least confidence of 90 .* 0 to 1"):
        discover_declare(log, min_confidence=90)


def test_the_graph_is_dot_with_quoted_names(log_of):
    drawn = discover_declare(log_of([("1", 'say "a"', 0), ("1", "b\\c", 1)]), templates=["response", "init"]).to_dot()

    assert drawn.splitlines()[0] == 'digraph "declare" {'
    assert '  "say \\"a\\"" [label="say \\"a\\"\\ninit 100%", shape="box"];' in drawn
    assert '  "say \\"a\\"" -> "b\\\\c" [label="response 100%"];' in drawn


@pytest.mark.parametrize("file", ["Sepsis.xes.gz", "receipt.xes.gz"])
def test_the_counts_are_those_of_pm4py_on_the_whole_log(public_log, file):
    from pm4py.algo.discovery.declare.variants import classic

    with public_log(file) as log:
        names = {"case_id": "case:concept:name", "activity": "concept:name", "occurred_at": "time:timestamp"}
        frame = log.connection.sql(f"select {', '.join(names)} from ({log.events.sql}) order by source_row").df()
        theirs = classic.apply(frame.rename(columns=names), {"min_support_ratio": 0.0, "min_confidence_ratio": 0.0})
        ours = {(one.template, one.source, one.target): (one.activated, one.kept) for one in everything(log).constraints}

    expected = {}
    for name, their_name in PM4PY.items():
        for key, counts in theirs[their_name].items():
            ends = (key, None) if isinstance(key, str) else tuple(sorted(key)) if TEMPLATES[name].is_symmetric else key
            expected[name, *ends] = (counts["support"], counts["confidence"])
    assert len(expected) > 2000
    assert {rule: counts for rule, counts in ours.items() if rule[0] in PM4PY} == expected
