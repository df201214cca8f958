"""The waiting dbt: a build that succeeds is one snapshot of the lake; one that fails leaves what does not depend on the fault."""

import json
import os
from pathlib import Path

import lake
from lake.dbt_environment import dbt_environment
from lake.dbt_process import PROGRESS, command, start

Lines = list[dict[str, dict[str, object]]]


def build() -> tuple[int, Lines]:
    """Exit code and log of a whole build."""
    environment = {**os.environ, **dbt_environment()}
    process = start(environment, environment["DBT_PROJECT_DIR"])
    command(process, "build")
    said, _ = process.communicate(timeout=300)
    return process.returncode, [json.loads(line) for line in said.decode().splitlines() if line.startswith("{")]


def fill(statements: tuple[str, ...]) -> None:
    with lake.connect() as connection:
        connection.begin()
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def ask(sql: str) -> list[tuple[object, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def names(log: Lines) -> list[object]:
    return [line["info"]["name"] for line in log]


def test_a_build_is_one_snapshot_and_a_faulty_one_falls_back_to_dbts_own_way(
    grimoire_home: Path, raw_layer: tuple[str, str]
) -> None:
    fill(raw_layer)
    before = ask("select max(snapshot_id) from lake.snapshots()")[0][0]
    code, log = build()
    assert code == 0, log[-3:]
    assert ask("select max(snapshot_id) from lake.snapshots()") == [(int(str(before)) + 1,)]
    models, tests = names(log).count("LogModelResult"), names(log).count("LogTestResult")
    versions = names(log).count("LogSnapshotResult")
    assert models > 50 and tests > 100 and versions == 2
    assert names(log).count(PROGRESS) == models + tests + versions, "finished nodes are told of while readers see none of them yet"

    fill(
        (
            "insert into raw_erp.products from raw_erp.products limit 1",  # a key that is there twice
            "update raw_crm.tickets set subject = 'asked anew'",
        )
    )
    code, log = build()
    assert code == 1
    failed = [line["info"]["msg"] for line in log if line["info"]["level"] == "error"]
    assert any("is_key_stg_erp__products" in str(words) for words in failed), failed
    assert names(log).count("LogTestResult") > 1, "the second attempt is told of in full"
    assert ask("select distinct subject from products.customers__tickets") == [("asked anew",)]
