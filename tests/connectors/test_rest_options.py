"""The page about HTTP APIs says everything that a connection file may, and its examples can be used."""

import re
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from connectors.connection import connection_of
from connectors.connector import connector_of
from connectors.kinds.rest_options import ApiOptions, EndpointOptions
from lake.settings import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "sources-rest.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def models(kind: Any) -> set[type[BaseModel]]:
    """Every model that a type mentions."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {kind}.union(*(models(field.annotation) for field in kind.model_fields.values()))
    if get_origin(kind) in (Annotated, Union, UnionType, tuple):
        return set().union(*(models(part) for part in get_args(kind)))
    return set()


def used(words: Any) -> set[str]:
    """Every key in an example."""
    if isinstance(words, dict):
        return set(words).union(*(used(value) for value in words.values()))
    return set().union(*(used(value) for value in words)) if isinstance(words, list) else set()


def test_every_field_is_explained_and_used_in_an_example() -> None:
    fields = {name for model in models(ApiOptions) | models(EndpointOptions) for name in model.model_fields}
    assert len(fields) > 50
    assert {name for name in fields if not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", PAGE)} == set()
    in_tables = set(re.findall(r"\w+", " ".join(re.findall(r"^\|.*$", PAGE, re.MULTILINE))))
    in_examples = set().union(*(used(yaml.safe_load(text)) for text in EXAMPLES))
    assert fields - in_examples - in_tables == set()


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_can_be_used(module_home: Any, number: int) -> None:
    made = connection_of({"name": f"example_{number}", **yaml.safe_load(EXAMPLES[number])}, origin=f"example {number}")
    connector = connector_of(made)
    assert set(connector.resource_options) == {each.name for each in made.resources}
    assert made.resources


def test_there_are_examples_of_every_section() -> None:
    assert len(EXAMPLES) >= 8
