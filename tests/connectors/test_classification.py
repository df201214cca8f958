"""Columns are classified from samples and names, the answers stand in the YAML, and what nobody classified is found."""

from pathlib import Path

import pytest

import lake
from connectors.classification import CHECK, check_classification, proposals, write_classifications
from lake.catalog_tables import Column, Table

SQL = """
create schema products;
create table products.people as
    select i as person_id, 'ORD-2024-' || lpad(i::varchar, 6, '0') as order_number, 'p' || i || '@example.com' as contact,
           4000000000000000 + i * 977 as document_number, '+49 30 90182' || (i % 10) as reachable_at, 'Ann Lee' as salesperson,
           i * 1.5 as amount, timestamptz '2024-01-01' as created_at
    from range(500) r(i)
"""
TYPES = {
    "person_id": "bigint",
    "order_number": "varchar",
    "contact": "varchar",
    "document_number": "bigint",
    "reachable_at": "varchar",
    "salesperson": "varchar",
    "amount": "decimal(21,1)",
    "created_at": "timestamp with time zone",
}
YAML = """version: 2

models:
  - name: people # who buys
    description: "People."
    columns:
      - name: person_id
        description: "Key." # a comment stays
        constraints: [{type: not_null}]
      - name: contact
        description: >
          How to reach them,
          in two lines.
      - name: salesperson
        config: {meta: {classification: confidential}}
        description: "A person's word."
      - name: amount
        config: {tags: [money]}
        description: "Theirs to add to."
"""


def people(*, file: str = "models/products/people.sql", **classes: str) -> Table:
    columns = tuple(Column(name, type=type_, classification=classes.get(name)) for name, type_ in TYPES.items())
    return Table("products", "people", "products", columns=columns, file=file)


@pytest.fixture
def connection(grimoire_home: Path):
    with lake.connect() as connection:
        for statement in SQL.strip().split(";"):
            connection.execute(statement)
        yield connection


def test_each_column_gets_a_proposal_and_the_reason_for_it(connection):
    found = {one.column: one for one in proposals([people()], connection=connection)}
    assert {name: one.proposal for name, one in found.items()} == {
        "person_id": "confidential",
        "order_number": "public",
        "contact": "sensitive",
        "document_number": "public",
        "reachable_at": "sensitive",
        "salesperson": "sensitive",
        "amount": "confidential",
        "created_at": "public",
    }
    assert found["contact"].rule == "e-mail address"
    assert found["contact"].example.endswith("@e••••••.c••")
    assert found["reachable_at"].rule == "telephone number"


def test_personal_columns_that_nobody_classified_or_that_are_called_public_fail_the_check(connection):
    result = check_classification([people(contact="public")], connection=connection)[0]
    assert (result.check_name, result.passed, result.severity, result.blocking, result.rows_failed) == (
        CHECK,
        False,
        "error",
        False,
        3,
    )
    assert "contact (e-mail address, such as p•" in result.detail
    assert "is public; " in result.detail and "salesperson (named like a person) is not classified" in result.detail


def test_classified_columns_pass_whichever_of_the_two_classes_a_person_chose(connection):
    table = people(contact="sensitive", reachable_at="confidential", salesperson="confidential")
    assert check_classification([table], connection=connection)[0].passed


def test_a_connections_own_event_log_can_only_warn(connection):
    result = check_classification([people(file="generated/event_logs/people.sql")], connection=connection)[0]
    assert not result.passed and result.severity == "warning"


def test_a_table_that_is_not_built_is_judged_by_its_names_alone(grimoire_home: Path):
    table = Table("products", "planned", "products", columns=(Column("email", "text"),), is_there=False, file="models/planned.sql")
    with lake.connect(read_only=True) as connection:
        assert [one.proposal for one in proposals([table], connection=connection)] == ["sensitive"]
        assert check_classification([table], connection=connection) == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "models/products").mkdir(parents=True)
    (tmp_path / "models/products/people.yml").write_text(YAML)
    return tmp_path


def test_proposals_are_noted_without_touching_a_persons_word_comment_or_layout(connection, project: Path):
    path = project / "models/products/people.yml"
    written = write_classifications(proposals([people()], connection=connection), project=project)
    assert written == {path: 2}
    expected = YAML.replace(
        "      - name: person_id\n", "      - name: person_id\n        config: {meta: {classification: confidential}}\n"
    ).replace("      - name: contact\n", "      - name: contact\n        config: {meta: {classification: sensitive}}\n")
    assert path.read_text() == expected


def test_to_write_twice_changes_nothing(connection, project: Path):
    found = proposals([people()], connection=connection)
    write_classifications(found, project=project)
    before = (project / "models/products/people.yml").read_text()
    assert write_classifications(found, project=project) == {}
    assert (project / "models/products/people.yml").read_text() == before


def test_generated_models_and_missing_files_are_passed_over(connection, project: Path):
    tables = [people(file="generated/event_logs/people.sql"), people(file="models/products/elsewhere.sql")]
    assert write_classifications(proposals(tables, connection=connection), project=project) == {}
