"""A lake with the fixture company's rows in its raw layer, and one dbt build over it for all tests that look at the result."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.dbt_files import faulty_declarations, write_dbt_files
from lake.dbt_environment import run_dbt

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def raw_layer() -> tuple[str, str]:
    """The statements that make and fill the raw tables."""
    return (HERE / "raw_tables.sql").read_text(), (HERE / "fixture_rows.sql").read_text()


@pytest.fixture(scope="module")
def built_lake(module_home: Path, raw_layer: tuple[str, str]) -> Iterator[dict[str, Any]]:
    """The results of `dbt build` (models, data tests and unit tests) over the fixture rows, by the node's unique id."""
    fill_raw_layer(raw_layer)
    write_dbt_files([])  # no connections, but the event logs that the project declares
    assert faulty_declarations() == {}
    outcome = run_dbt("--warn-error", "build", unit_tests=True)  # from an empty target folder, so parsing warns here too
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    results = json.loads((module_home / "dbt" / "target" / "run_results.json").read_text())
    yield {result["unique_id"]: result for result in results["results"]}


def fill_raw_layer(statements: tuple[str, ...]) -> None:
    with lake.connect() as connection:
        connection.begin()
        for statement in statements:
            connection.execute(statement)
        connection.commit()
