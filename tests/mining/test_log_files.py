"""Filtered logs as files: what is read back is what the filters keep."""

import pytest

from lake.errors import FileFormatError, StorageError
from mining import Attribute, Endpoints, EventLog

EVENTS = [("NA", "it's", 0), ("1", "ä <b>", 0), ("1", 'c "d"', 0), ("2", "ä <b>", 1), ("NA", "it's", 2.5)]


def log_read_back(path):
    if path.suffix == ".parquet":
        return EventLog.from_parquet(path)
    if path.suffix == ".csv":
        import polars

        return EventLog.from_frame(polars.read_csv(path, schema_overrides={"case_id": polars.String}))
    import r4pm

    frame, _ = r4pm.df.import_xes(str(path))
    names = {"case:concept:name": "case_id", "concept:name": "activity", "time:timestamp": "occurred_at"}
    return EventLog.from_frame(frame.rename(names))


def events_of(log):
    sql = f"select case_id, activity, occurred_at, amount from ({log.rows_sql()}) order by case_id, occurred_at, source_row"
    return log.connection.sql(sql).fetchall()


@pytest.mark.parametrize("ending", ["xes", "csv", "parquet"])
@pytest.mark.parametrize(
    ("stack", "cases", "count"),
    [
        ([], {"NA", "1", "2"}, 5),
        ([Endpoints(starts="ä <b>")], {"1", "2"}, 3),
        ([Endpoints(starts="ä <b>"), Attribute("amount", minimum=3, mode="keep"), Endpoints(ends='c "d"')], {"1"}, 1),
    ],
)
def test_what_is_read_back_is_what_the_filters_keep(log_of, tmp_path, ending, stack, cases, count):
    log = log_of(EVENTS, amount=[1.5, 2.25, 3.0, 4.0, 5.0]).filter(*stack)
    path = tmp_path / f"log.{ending}"

    assert getattr(log, f"to_{ending}")(path) == count
    with log_read_back(path) as again:
        assert events_of(again) == events_of(log)
        assert {case for case, *_ in events_of(again)} == cases
        assert sorted(row[1:] for row in again.variant_multiset()) == sorted(row[1:] for row in log.variant_multiset())
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ["xes", "csv", "parquet"])
def test_a_real_log_survives_each_format(public_log, tmp_path, ending):
    path = tmp_path / f"receipt.{ending}"
    with public_log("receipt.xes.gz") as log:
        assert getattr(log, f"to_{ending}")(path) == 8577
        with log_read_back(path) as again:
            assert sorted(again.variant_multiset()) == sorted(log.variant_multiset())
            assert again.dfg().fetchall() == log.dfg().fetchall()


def test_a_file_that_cannot_be_written_leaves_the_earlier_one(log_of, tmp_path):
    path = tmp_path / "log.xes"
    log_of([("1", "a", 0)]).to_xes(path)
    before = path.read_bytes()

    with pytest.raises(FileFormatError, match=r"U\+0001"):
        log_of([("1", "a\x01", 0)]).to_xes(path)
    assert path.read_bytes() == before
    with pytest.raises(StorageError):
        log_of([("1", "a", 0)]).to_csv(tmp_path / "missing" / "log.csv")
