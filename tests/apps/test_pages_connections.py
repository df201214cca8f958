"""The page Connections: what it shows, and that its buttons do what they say."""

import re
import sqlite3
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import lake
from connectors import manage, states
from lake.journal import ensure_platform_tables

APP = Path(__file__).resolve().parents[2] / "apps" / "streamlit" / "frame.py"


def words(app: AppTest) -> str:
    html = [str(element.proto) for element in app.get("html")]
    told = [
        re.sub(r"\\([^\w\s])", r"\1", str(one.value)) for kind in ("success", "error") for one in app.get(kind)
    ]  # as it is read
    return "\n".join([*html, *told, *(str(one.value) for one in app.get("caption"))])


@pytest.fixture
def page(grimoire_home: Path) -> AppTest:
    lake.in_transaction(ensure_platform_tables)
    with sqlite3.connect(grimoire_home / "shop.db") as database:
        database.execute("create table orders (id integer primary key)")
    database.close()
    manage.add({"name": "shop", "type": "sql", "address": f"sqlite:///{grimoire_home}/shop.db", "resources": [{"name": "orders"}]})
    (grimoire_home / "connections" / "torn.yaml").write_text("type: [sql\n")
    app = AppTest.from_file(str(APP), default_timeout=90).run()
    app.switch_page("app_pages/connections.py").run()
    assert not app.exception, app.exception
    return app.selectbox(key="connection").set_value("shop").run()


def click(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception, app.exception
    return app


def test_the_page_lists_tests_pauses_and_resumes_connections_and_shows_broken_files(page: AppTest) -> None:
    assert "torn.yaml cannot be read" in words(page)
    assert "shop: The database answers" in words(click(page, "Test"))
    assert states.state_of("shop").state == "tested"
    assert "shop is paused" in words(click(page, "Pause"))
    assert states.state_of("shop").is_paused
    assert next(button for button in page.button if button.label == "Run now").disabled
    assert "shop runs again" in words(click(page, "Resume"))
    assert not states.state_of("shop").is_paused


def test_the_form_adds_a_connection_and_refuses_a_plain_secret(page: AppTest, grimoire_home: Path) -> None:
    page.selectbox(key="add_type").set_value("sql")
    page.text_input(key="add_name").set_value("depot")
    page.text_area(key="add_credentials").set_value("password=hunter2")
    page.text_input(key="add_resources").set_value("orders, lines")
    assert "write a reference" in words(click(page, "Add"))
    assert not (grimoire_home / "connections" / "depot.yaml").exists()
    page.text_area(key="add_credentials").set_value("password=env:DEPOT_PASSWORD")
    assert "Added depot" in words(click(page, "Add"))
    assert [one.name for one in manage.get_connection("depot").resources] == ["orders", "lines"]


def test_what_a_system_says_is_text_and_a_line_that_may_be_a_secret_is_not_repeated(page: AppTest, grimoire_home: Path) -> None:
    manage.add(
        {
            "name": "shop",
            "type": "sql",
            "address": f"sqlite:///{grimoire_home}/![x](http:evil).db",
            "resources": [{"name": "orders"}],
        },
        replace=True,
    )
    (told,) = click(page, "Test").error
    assert "![x](" not in told.value
    assert "![x](http:evil).db" in words(page)
    page.selectbox(key="add_type").set_value("sql")
    page.text_input(key="add_name").set_value("depot")
    page.text_area(key="add_credentials").set_value("hunter2-plain")
    assert "has no `=`" in words(click(page, "Add"))
    assert "hunter2-plain" not in words(page)


@pytest.mark.parametrize("name", ["my-shop", "files", ".."])
def test_a_file_that_no_connection_can_be_called_after_is_removed_alone(page: AppTest, grimoire_home: Path, name: str) -> None:
    path = grimoire_home / "connections" / f"{name}.yaml"
    path.write_text("type: sql\n")
    assert manage.remove(name, drop_rows=True) == manage.Removed(name, path)
    assert not path.exists()
    assert (grimoire_home / "connections" / "shop.yaml").exists()
