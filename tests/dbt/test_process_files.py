"""Process definition files: what is wrong with one is said by name, and nothing is registered by halves."""

from pathlib import Path

import pytest

import lake
from lake.errors import ProcessFileError
from lake.process_files import EVENT_LOGS, product_definitions, register_products
from lake.registry import processes

WHOLE = """
name: returns
title: Returns
event_log: event_logs.returns
case_notion: {object_type: return}
object_types: [return]
happy_path: [Ask, Return]
"""


def write(folder: Path, text: str, name: str = "returns") -> Path:
    path = folder / f"{name}.process.yaml"
    path.write_text(text)
    return path


def test_the_projects_own_definitions_can_be_read() -> None:
    assert [definition["name"] for definition in product_definitions(EVENT_LOGS)] == [
        "lead_to_cash",
        "order_to_cash",
        "purchase_to_pay",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", "is not YAML"),
        ("just words", "holds no definition"),
        ("name: returns\ntitle: Returns", "does not say: event_log, case_notion, object_types, happy_path"),
        (WHOLE.replace("name: returns", "name: rebates"), "defines `rebates`"),
        (f"{WHOLE}rules: [Ask precedes Return, {{kind: preceeds, first: Ask, then: Return}}]", "rules 2 "),
        (f"{WHOLE}slas: [{{from: Ask, to: Return}}]", "slas 1 "),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_fault(tmp_path: Path, text: str, words: str) -> None:
    write(tmp_path, text)
    with pytest.raises(ProcessFileError, match=r"returns\.process\.yaml") as caught:
        product_definitions(tmp_path)
    assert words in caught.value.problem


def test_nothing_is_registered_when_one_file_is_faulty(grimoire_home: Path, tmp_path: Path) -> None:
    write(tmp_path, WHOLE)
    faulty = write(tmp_path, "name: zero", name="zero")
    with pytest.raises(ProcessFileError):
        lake.in_transaction(lambda connection: register_products(connection, folder=tmp_path))
    with lake.connect() as connection:
        assert processes(connection) == []
    faulty.unlink()
    assert lake.in_transaction(lambda connection: register_products(connection, folder=tmp_path)) == []  # its log is not built yet
    lake.in_transaction(lambda connection: connection.execute("create schema event_logs; create table event_logs.returns (i int)"))
    assert lake.in_transaction(lambda connection: register_products(connection, folder=tmp_path)) == ["returns"]
