"""Rows that a person has waived: what the gate lets through as it is, and what it leaves out for good.

What belongs here: finding waivers, and the SQL that makes a table's rules heed them. What does not: giving them
(`connectors.quarantine`) and judging (`connectors.landing_gate`).

A waiver is about one row as it came: once the source changes the row, it is judged like any other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.quality import Rule
from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb

ACCEPTED, DROPPED = "accepted", "dropped"


@dataclass(frozen=True)
class Waiver:
    """What is to become of one row that breaks one rule."""

    rule: str
    row_json: str
    resolution: str


def waivers_of(connection: "duckdb.DuckDBPyConnection", source: str) -> dict[str, list[Waiver]]:
    """Every waiver of a connection's rows, by resource."""
    found: dict[str, list[Waiver]] = {}
    for table, *waiver in connection.execute(
        f"select table_name, rule, row_json, resolution from quarantine.rows where source = ? and resolution in"
        f" ('{ACCEPTED}', '{DROPPED}')",
        [source],
    ).fetchall():
        found.setdefault(table, []).append(Waiver(*waiver))
    return found


def dropped(waivers: Iterable[Waiver]) -> list[str]:
    """The rows, as JSON, that are never to land."""
    return [one.row_json for one in waivers if one.resolution == DROPPED]


def lenient(rules: Sequence[Rule], expressions: Mapping[str, str], waivers: Sequence[Waiver], *, row_json: str) -> dict[str, str]:
    """The expressions that rules look at, with accepted rows made to look as their rule would have them.

    Args:
        rules: The table's rules.
        expressions: The column a rule is about to its SQL.
        waivers: The table's waivers.
        row_json: SQL for a row as it is kept in quarantine.
    """
    by_rule: dict[str, list[str]] = {}
    for one in (one for one in waivers if one.resolution == ACCEPTED):
        by_rule.setdefault(one.rule, []).append(as_text(one.row_json))
    found = dict(expressions)
    for rule in (rule for rule in rules if rule.name in by_rule):
        listed, before = ", ".join(by_rule[rule.name]), found[rule.column]
        found[rule.column] = f"case when {row_json} in ({listed}) then {_welcome(rule, rules)} else {before} end"
    return found


def _welcome(rule: Rule, rules: Sequence[Rule]) -> str:
    """SQL for a value of the rule's column that no rule minds."""
    sets = [one.settings["value_set"] for one in rules if one.column == rule.column and "value_set" in one.settings]
    first = sets[0][0] if sets and sets[0] else True
    return as_text(first) if isinstance(first, str) else str(first).lower()
