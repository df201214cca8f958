"""docs/mapping.md is true: every field stands in it and no other, and its example is a connection that can be used."""

import re
from pathlib import Path

import yaml
from pydantic import BaseModel

from connectors.connection import connection_of
from connectors.dbt_files import check_declarations, dbt_files
from connectors.event_log_declarations import EventLogDeclaration, EventRule, Link, ObjectRows
from connectors.mapping import Lookup, Mapping

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "mapping.md").read_text(encoding="utf-8")


def fields(model: type[BaseModel], within: str = "") -> set[str]:
    return {f"{within}{field.alias or name}" for name, field in model.model_fields.items()}


def told(heading: str) -> set[str]:
    section = re.split(r"^#+ ", PAGE.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]
    return set(re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE))


def test_every_field_of_a_mapping_is_told_and_no_other() -> None:
    assert told("Mapping") == fields(Mapping) | fields(Lookup, "lookup.")


def test_every_field_of_an_event_log_is_told_and_no_other() -> None:
    parts = fields(ObjectRows, "objects.") | fields(EventRule, "events.") | fields(Link, "links.")
    assert told("Event logs") == fields(EventLogDeclaration) | parts


def test_the_example_can_be_used_and_makes_the_models_the_page_names() -> None:
    example = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
    shop = connection_of({"name": "shop", **yaml.safe_load(example)}, origin="shop.yaml")
    check_declarations(shop)
    made = {Path(name).stem for name in dbt_files(shop) if name.endswith(".sql")}
    log = "shop_order_to_cash"
    assert {"stg_shop__orders", "int_shop__billed_orders", log, f"{log}__events", f"{log}__objects"} <= made
    assert {f"{log}__event_objects", f"{log}__object_objects"} <= made
