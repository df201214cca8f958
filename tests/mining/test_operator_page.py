"""The pages on KPIs and filters: every operator's line is run and gives what it says, every function and setting stands there."""

import json
import re
from datetime import date, datetime
from pathlib import Path

import pytest

from mining import filters_from_json
from mining.filter_base import settings_of
from mining.filters import KINDS
from mining.kpi_functions import FUNCTIONS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "kpis.md").read_text(encoding="utf-8")
LINES = re.findall(r"^\| (PQL|SIGNAL) \| (.+?) \| (kpi|kpi by|filter|ask) \| (.+) \| (.*) \|$", PAGE, re.MULTILINE)


def shown(value):
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return "none" if value is None else value.isoformat() if isinstance(value, date) else str(value)


def answer(log, how, said, definition):
    """What a line gives, as the page writes it."""
    if how == "filter":
        kept = log.filter(*filters_from_json(json.loads(said[0]) if said[0].startswith("[") else [json.loads(said[0])]))
        return ", ".join(sorted(case for (case,) in kept.connection.sql(kept.cases_sql()).fetchall())) or "no case"
    if how == "ask":
        return f"{len(log.ask(said[0]).fetchall())} rows"
    found = log.kpi(said[0], by=said[1] if how == "kpi by" else None, definition=definition).fetchall()
    return "; ".join(": ".join(map(shown, row)) for row in found)


@pytest.fixture
def example():
    names = {}
    exec(compile(re.search(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1], "docs/kpis.md", "exec"), names)
    yield names["log"], names["definition"]
    names["log"].close()


def test_every_operator_is_said_here_and_gives_what_the_page_says(example):
    log, definition = example
    assert len(LINES) >= 60
    assert len({operator for _, operator, *_ in LINES}) == len(LINES)
    given = {operator: answer(log, how, re.findall(r"`([^`]+)`", said), definition) for _, operator, how, said, _ in LINES}
    assert given == {operator: gives for _, operator, _, _, gives in LINES}


def test_every_function_stands_on_the_page():
    told = dict(re.findall(r"^\| `(\w+)\([^|]*\)` \| (.+) \|$", PAGE, re.MULTILINE))

    assert told == {name: function.gives for name, function in FUNCTIONS.items()}


def test_every_filter_and_setting_stands_on_its_page():
    page = (Path(__file__).resolve().parents[2] / "docs" / "filters.md").read_text(encoding="utf-8")
    told = {}
    for name, settings in re.findall(r"^\| `(\w+)` \| (.+?) \|", page, re.MULTILINE):
        told.setdefault(name, set()).update(re.findall(r"`(\w+)[`:]", settings))

    assert told == {name: {setting.name for setting in settings_of(kind)} for name, kind in KINDS.items()}
