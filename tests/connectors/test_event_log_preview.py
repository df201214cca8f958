"""A look into a file before it is imported says what the import would make of it, and what is wrong."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.event_log_landing import FileOptions
from connectors.event_log_preview import preview
from lake.errors import ColumnMissingError, FileFormatError

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the shared data are not there")
HEAD = "case_id,activity,timestamp\n"


def look(tmp_path: Path, text: str, options: FileOptions | None = None, name: str = "log.csv"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return preview(tmp_path / name, options)


def words(found) -> str:
    return " ".join(finding.words for finding in found.findings)


@needs_data
@pytest.mark.parametrize("ending", [".csv", ".parquet", ".xes.gz"])
def test_one_log_in_three_formats_looks_the_same(grimoire_home, ending):
    found = preview(DATA / "event_logs" / f"receipt{ending}")
    assert (found.cases, found.events, found.activities, found.incomplete) == (1434, 8577, 27, 0)
    assert found.roles["case"] == "case:concept:name" and found.roles["resource"] == "org:resource"
    assert found.can_be_imported and len(found.sample) == 8


@needs_data
def test_an_object_centric_log_names_its_types(grimoire_home):
    found = preview(DATA / "object_centric" / "order_management_ocel2.sqlite")
    assert found.events == 18_211 and found.object_types["orders"] == 2000 and found.can_be_imported


def test_a_header_without_rows_cannot_be_imported(grimoire_home, tmp_path):
    found = look(tmp_path, HEAD)
    assert not found.can_be_imported and "no event to import" in words(found)


def test_one_event_is_a_log(grimoire_home, tmp_path):
    found = look(tmp_path, HEAD + "1,A,2024-01-01T00:00:00Z\n")
    assert found.can_be_imported and (found.cases, found.events) == (1, 1) and found.findings == []


def test_a_case_called_na_is_a_case_and_one_without_an_id_is_set_aside(grimoire_home, tmp_path):
    found = look(tmp_path, HEAD + "NA,A,2024-01-01\nNA,B,2024-01-02\n,B,2024-01-02\n")
    assert found.can_be_imported and (found.cases, found.events, found.incomplete) == (1, 2, 1)
    assert "1 of 3 rows have no case and are set aside." in words(found)


def test_without_a_time_column_it_must_be_chosen(grimoire_home, tmp_path):
    found = look(tmp_path, "case_id,activity,x\n1,A,foo\n")
    assert not found.can_be_imported and found.roles["timestamp"] is None and "Choose the column of the timestamp" in words(found)


def test_columns_of_any_name_can_be_chosen(grimoire_home, tmp_path):
    text = "Vorgang;Schritt;Wann\n1;A;01.02.2024 10:00\n1;B;02.02.2024 10:00\n"
    chosen = FileOptions(case="Vorgang", activity="Schritt", timestamp="Wann", time_zone="Europe/Berlin")
    found = look(tmp_path, text, chosen)
    assert found.can_be_imported and found.first is not None and found.first == datetime(2024, 2, 1, 9, tzinfo=UTC)
    assert "read as %d.%m.%Y %H:%M, in Europe/Berlin" in words(found)
    american = look(tmp_path, text, FileOptions("Vorgang", "Schritt", "Wann", date_format="%m.%d.%Y %H:%M"))
    assert american.first is not None and american.first.month == 1


def test_a_column_without_times_is_refused_with_an_example(grimoire_home, tmp_path):
    found = look(tmp_path, HEAD + "1,A,foo\n")
    assert not found.can_be_imported and "`foo`" in words(found)


def test_a_case_column_that_numbers_the_events_is_told(grimoire_home, tmp_path):
    assert "one event only" in words(look(tmp_path, HEAD + "1,A,2024-01-01\n2,A,2024-01-01\n"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", ""),
        ("a.csv", "a,b\n1,2\n"),
        ("a.bin", "x"),
        ("a.parquet", "x"),
        ("a.xes", "<a>"),
        ("a.json", "{"),
        ("a.sqlite", "x"),
    ],
)
def test_what_is_no_event_log_is_refused(grimoire_home, tmp_path, name, text):
    with pytest.raises(FileFormatError) as refused:
        look(tmp_path, text, name=name)
    assert name in refused.value.problem


def test_a_zone_or_a_column_that_there_is_not_is_refused(grimoire_home, tmp_path):
    with pytest.raises(FileFormatError, match="no time zone"):
        look(tmp_path, HEAD + "1,A,2024-01-01\n", FileOptions(time_zone="Mars/Olympus"))
    with pytest.raises(ColumnMissingError):
        look(tmp_path, HEAD + "1,A,2024-01-01\n", FileOptions(case="nope"))
