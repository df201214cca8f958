from pathlib import Path

import pytest

from connectors.process_names import process_name
from lake.errors import FileFormatError


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("BPI_2020_RequestForPayment.xes.gz", "bpi_2020_request_for_payment"),
        ("BPIC13_incidents.xes.gz", "bpic13_incidents"),
        ("running-example.csv", "running_example"),
        ("recruiting-red.jsonocel", "recruiting_red"),
        ("order_management_ocel2.sqlite", "order_management_ocel2"),
        ("2024 Bestellungen (Größe).csv", "log_2024_bestellungen_groe"),
        ("orders__events.v2.csv.gz", "orders_events_v2"),
        ("A" * 80 + ".csv", "a" * 48),
    ],
)
def test_a_file_name_becomes_a_lower_case_identifier(file: str, name: str):
    assert process_name(Path("folder") / file) == name


def test_a_name_of_no_letters_asks_for_one():
    with pytest.raises(FileFormatError, match="--name"):
        process_name(Path("日本語.csv"))


@pytest.mark.parametrize("name", ["Orders", "a b", "a__events", "1a", "x;drop table y", '"', "../x"])
def test_an_unsafe_given_name_is_refused_and_a_safe_one_proposed(name: str):
    with pytest.raises(FileFormatError, match="cannot be"):
        process_name(Path("log.csv"), name=name)


@pytest.mark.parametrize("name", ["all", "events", "platform"])
def test_reserved_names_are_refused(name: str):
    with pytest.raises(FileFormatError, match="reserved"):
        process_name(Path("log.csv"), name=name)
