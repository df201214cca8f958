"""The documents are true: every setting, command, page, schema and asset group stands in them, and every link leads somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lake.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def variables(words: str) -> set[str]:
    return set(re.findall(r"\bGRIMOIRE_[A-Z_]+\b", words))


SETTINGS = {f"GRIMOIRE_{name.upper()}" for name in Settings.model_fields}


def test_the_example_environment_lists_every_setting_and_no_other() -> None:
    assert variables(text(".env.example")) == SETTINGS


def test_the_settings_page_explains_every_setting_and_no_other() -> None:
    assert variables(text("docs/settings.md")) == SETTINGS


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def sections(page: str) -> dict[str, str]:
    """What stands below each heading that is a command."""
    parts = re.split(r"^#+ (?=`grimoire)|^## ", text(page), flags=re.MULTILINE)
    return {part.split("`")[1]: part for part in parts if part.startswith("`grimoire")}


def commands(command: object, words: str) -> Iterator[tuple[str, set[str]]]:
    """Every command below one, with its long options."""
    below: dict[str, object] = getattr(command, "commands", {})
    for name, child in below.items():
        yield from commands(child, f"{words} {name}")
    if not below:
        parameters = getattr(command, "params", [])
        yield words, {option for one in parameters for option in (*one.opts, *one.secondary_opts) if option.startswith("--")}


def test_every_command_and_option_is_documented_and_no_other() -> None:
    import typer

    from apps.cli.main import app

    there = dict(commands(typer.main.get_command(app), "grimoire"))
    told = {name: set(re.findall(r"^\| .*?\|", words, re.MULTILINE)) for name, words in sections("docs/commands.md").items()}
    described = {name: {option for line in lines for option in re.findall(r"--[a-z-]*[a-z]", line)} for name, lines in told.items()}
    assert described == there


def test_every_page_is_documented() -> None:
    page = text("docs/grimoires.md")
    titles = [path.stem.replace("_", " ") for path in (ROOT / "apps/streamlit/app_pages").glob("*.py")]
    assert titles
    assert [title for title in titles if title.lower() not in page.lower()] == []


def test_every_asset_group_is_documented(grimoire_home: Path) -> None:
    from orchestration.definitions import defs

    page = text("docs/data.md")
    groups = {spec.group_name for spec in defs().resolve_all_asset_specs() if spec.group_name}
    assert len(groups) >= 9
    assert [group for group in groups if f"`{group}`" not in page] == []


def fields_told(page: str, heading: str) -> set[str]:
    """The fields of the table whose head is that."""
    table = text(page).partition(f"| {heading} |")[2].partition("\n\n")[0]
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def test_every_field_of_a_connection_is_documented_and_no_other() -> None:
    from connectors.connection import Breaker, Connection, Cursor, Deletions, Resource, Retries

    page = text("docs/connections.md")
    parts = dict(zip(("Connection", "Resource"), re.split(r"^### Fields of a .*$", page, flags=re.MULTILINE)[1:], strict=True))
    for model, part in ((Connection, parts["Connection"]), (Resource, parts["Resource"].partition("\n| field of")[0])):
        assert set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) == set(model.model_fields), model.__name__
    for model in (Cursor, Deletions, Retries, Breaker):
        assert fields_told("docs/connections.md", f"field of `{model.__name__.lower()}` | meaning") == set(model.model_fields)


def test_every_state_of_a_connection_is_documented() -> None:
    from typing import get_args

    from connectors.standing import BROKEN
    from connectors.states import State

    assert fields_told("docs/connections.md", "state | meaning") == {*get_args(State), BROKEN}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_the_table_of_benchmarks_is_that_of_the_results() -> None:
    from bench.table import in_page, render

    assert in_page() == render(), "python -m bench.table brings the page up to date"


def test_every_benchmark_is_documented() -> None:
    page = text("docs/benchmarks.md")
    names = {path.stem for path in (ROOT / "bench").glob("*.py")} - {"harness", "table"}
    assert [name for name in names if f"`bench.{name}`" not in page] == []


def test_every_table_of_results_is_documented_with_its_columns() -> None:
    from mining.results import COLUMNS as MINED
    from models.cases.tables import COLUMNS as PREDICTED
    from models.tables import COLUMNS as FORECAST

    for page, tables in (("docs/mining.md", MINED), ("docs/forecasts.md", FORECAST), ("docs/predictions.md", PREDICTED)):
        lines = {line.split("`")[1]: line for line in text(page).splitlines() if line.startswith("| `")}
        for table, columns in tables.items():
            names = {part.split()[0] for part in columns.replace("\n", " ").split(",") if part.strip()}
            assert names <= set(re.findall(r"`(\w+)`", lines[table])), f"{page}: {table}"
