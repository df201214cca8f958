"""The questions as Ibis expressions: the SQL kept in the repository is theirs, and another back end gives the same answers."""

import pytest

from mining import ibis_kernels, kernels
from mining.ibis_kernels import QUESTIONS, SCHEMAS, Tables

pytestmark = [
    pytest.mark.filterwarnings("ignore:sqlglotrs is deprecated"),  # Ibis' own import, of a parser it still prefers
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ibis.*"),
    pytest.mark.filterwarnings("ignore:fetch_arrow_table"),
]
ON_POLARS = (
    "summary",
    "dfg",
    "dfg_counts",
    "activities",
    "start",
    "end",
    "case_durations",
    "variant_multiset",
    "edge_times",
    "variant_times",
)


def test_the_sql_kept_is_that_of_the_expressions():
    assert kernels.FILE.read_text(encoding="utf-8") == ibis_kernels.file_text(), "python -m mining.ibis_kernels writes it anew"


def test_every_question_has_its_sql():
    asked = {
        *(kernels.summary(), kernels.dfg(), kernels.dfg(times=False), kernels.variants(), kernels.activities()),
        *(kernels.endpoints("start"), kernels.endpoints("end"), kernels.case_durations(), kernels.variant_multiset()),
        *(kernels.throughput(grain=grain) for grain in ("day", "week", "month")),
        *(kernels.edge_times(), kernels.variant_times()),
    }
    assert len(asked) == len(QUESTIONS)


def test_the_tables_of_a_layout_have_the_columns_the_expressions_know(public_log):
    with public_log("running-example.xes") as log:
        log.summary()
        for name, columns in SCHEMAS.items():
            there = log.ask(f"select * from {name}").columns
            assert [column for column in there if column != "digest"] == list(columns), name


@pytest.mark.parametrize("file", ["Sepsis.xes.gz", "receipt.xes.gz"])
def test_polars_gives_the_same_answers(public_log, file):
    import ibis

    with public_log(file) as log:
        backend = ibis.polars.connect()
        for name, sql in {"activities": "activities", "events": "events", "cases": "kept", "variants": "variants"}.items():
            columns = ", ".join(SCHEMAS["kept" if name == "cases" else name])
            backend.create_table(name, log.ask(f"select {columns} from {sql}").to_arrow_table())
        tables = Tables.of_layout(backend, multi_quantile=False)
        texts = {
            "summary": kernels.summary(),
            "dfg": kernels.dfg(),
            "dfg_counts": kernels.dfg(times=False),
            "activities": kernels.activities(),
            "start": kernels.endpoints("start"),
            "end": kernels.endpoints("end"),
            "case_durations": kernels.case_durations(),
            "variant_multiset": kernels.variant_multiset(),
            "edge_times": f"from ({kernels.edge_times()}) order by all",
            "variant_times": f"from ({kernels.variant_times()}) order by all",
        }
        for question in ON_POLARS:
            found = backend.to_pyarrow(QUESTIONS[question](tables))
            if question.endswith("_times"):  # parts of other questions, in no order
                found = found.sort_by([(name, "ascending") for name in found.column_names])
            there = found.to_pylist()
            here = log.ask(texts[question]).to_arrow_table().to_pylist()
            assert len(there) == len(here), question
            for one, other in zip(there, here, strict=True):
                assert one.keys() == other.keys()
                assert {k: v for k, v in one.items() if not isinstance(v, float)} == {
                    k: v for k, v in other.items() if not isinstance(v, float)
                }, question
                assert [v for v in one.values() if isinstance(v, float)] == pytest.approx(
                    [v for v in other.values() if isinstance(v, float)]
                ), question


@pytest.mark.parametrize("question", sorted(set(QUESTIONS) - set(ON_POLARS)))
def test_polars_says_what_it_cannot_answer(question, log_of):
    """The day it can, the module's words and `ON_POLARS` are to say so."""
    import ibis
    from ibis.common.exceptions import IbisError

    with log_of([("k", "a", 0), ("k", "b", 5)]) as log:
        backend = ibis.polars.connect()
        for name, sql in {"activities": "activities", "events": "events", "cases": "kept", "variants": "variants"}.items():
            columns = ", ".join(SCHEMAS["kept" if name == "cases" else name])
            backend.create_table(name, log.ask(f"select {columns} from {sql}").to_arrow_table())
        with pytest.raises((IbisError, TypeError)):  # intervals of months it passes on to Polars, which has none
            backend.to_pyarrow(QUESTIONS[question](Tables.of_layout(backend, multi_quantile=False)))
