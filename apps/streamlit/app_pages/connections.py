"""Connections: how each source system fares, what its last load brought, and what a person can do about it.

What belongs here: the page's layout. What does not: figures (`connectors.standing`) and acts (`connectors.manage`).
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from apps.dagster_reload import reload_dagster
from apps.streamlit import look
from apps.streamlit.health import dot
from apps.streamlit.reading import rows
from apps.streamlit.wording import NOTHING, age, count, duration, moment, plain, safe
from connectors import manage
from connectors.standing import BROKEN, Standing, last_load, standings
from lake.errors import ConnectionFileError, GrimoireError

CHOSEN, SAID = "connection", "connection_said"
JOURNAL = ("platform.loads", "quarantine.rows")


def main() -> None:
    look.header("Connections", kicker="Connections", sub="The systems rows are read from")
    found = standings(read=journal)
    summary(found)
    said()
    listed, added = st.tabs(["Connections", "Add one"])
    with listed:
        overview(found)
        usable = [one for one in found if one.state != BROKEN]
        if usable:
            details(usable)
    with added:
        form()


def journal(sql: str, *values: object) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows(sql, *values, needs=JOURNAL)]


def summary(found: list[Standing]) -> None:
    states = [one.state for one in found]
    look.badges(
        (states.count("active"), "active", "good"),
        (states.count("failing"), "failing", "bad"),
        (states.count(BROKEN), "broken files", "bad"),
        (sum(one.paused_at is not None for one in found), "paused", "warn"),
        (sum(one.is_fresh is False for one in found), "stale", "warn"),
        (sum(one.dead_letters for one in found), "dead letters", "warn"),
    )


def said() -> None:
    """What came of the last click, kept over the rerun that shows its effect."""
    kind, words = st.session_state.pop(SAID, ("", ""))
    if words:
        {"good": st.success, "bad": st.error}[kind](plain(words))  # a system's own words may be among them


def overview(found: list[Standing]) -> None:
    heads = [("Connection", False), ("System", False), ("State", False), ("Last load", False), ("Rows in it", True),
             ("Took", True), ("Dead letters", True), ("Schedule", False), ("What is wrong", False)]  # fmt: skip
    look.table(heads, [cells(one) for one in found])
    st.caption("Green: active and fresh. Amber: never loaded, paused or stale. Red: failing, or a file that cannot be used.")


def cells(one: Standing) -> list[str]:
    return [
        dot(colour(one)) + safe(one.name),
        safe(one.title or one.system or one.type or NOTHING),
        safe(state_words(one)),
        safe(age(one.loaded_at)),
        count(one.rows_landed),
        duration(one.run_seconds),
        count(one.dead_letters),
        safe(one.schedule or "daily"),
        safe(one.error or ""),
    ]


def colour(one: Standing) -> str:
    if one.state in {BROKEN, "failing"} or one.breaker == "open":
        return "bad"
    return "ok" if one.state == "active" and one.is_fresh and not one.paused_at else "warn"


def state_words(one: Standing) -> str:
    words = [one.state]
    if one.paused_at:
        words.append("paused")
    if one.breaker == "open":
        words.append(f"breaker open until {moment(one.open_until)}")
    elif one.breaker == "half-open":
        words.append("breaker half-open")
    if one.is_fresh is False:
        words.append("stale")
    return ", ".join(words)


def details(found: list[Standing]) -> None:
    by_name = {one.name: one for one in found}
    name = st.selectbox("Connection", list(by_name), key=CHOSEN)
    one = by_name[name]
    buttons(one)
    facts = [
        ("State", state_words(one)),
        ("Last test", f"{age(one.tested_at)}: {one.tested_said}" if one.tested_at else "never"),
        ("Last run", f"{age(one.run_at)}, {duration(one.run_seconds)}" if one.run_at else "never"),
        ("Freshness", f"every {one.freshness_hours:g} h asked for, loaded {age(one.loaded_at)}"),
        ("Address", one.address or NOTHING),
        ("File", str(one.path or "part of Grimoire")),
    ]
    look.table([("", False), ("", False)], [[safe(what), safe(words)] for what, words in facts])
    flow_log(name)


def flow_log(name: str) -> None:
    lines = last_load(name, read=journal)
    if not lines:
        st.caption("Nothing has been loaded from it yet.")
        return
    st.dataframe(
        [
            {
                "Resource": line.resource,
                "Read": line.rows_extracted,
                "Landed": line.rows_landed,
                "Inserted": line.rows_inserted,
                "Updated": line.rows_updated,
                "Deleted": line.rows_deleted,
                "Quarantined": line.rows_quarantined,
                "Bytes": line.bytes,
                "Cursor before": line.cursor_before or NOTHING,
                "Cursor after": line.cursor_after or NOTHING,
            }
            for line in lines
        ],
        hide_index=True,
        key="flow_log",
    )
    look.as_of(lines[0].finished_at, None, what="Loaded")


def buttons(one: Standing) -> None:
    test, run, pause, _ = st.columns([1, 1, 1, 4])
    if test.button("Test", icon=":material/network_check:", width="stretch"):
        done(lambda: tested(one.name))
    if run.button("Run now", icon=":material/play_arrow:", width="stretch", disabled=one.paused_at is not None):
        done(lambda: ran(one.name))
    if one.paused_at or one.breaker != "closed":
        if pause.button("Resume", icon=":material/resume:", width="stretch"):
            done(lambda: act(manage.resume, one.name, "runs again with the next run."))
    elif pause.button("Pause", icon=":material/pause:", width="stretch"):
        done(lambda: act(manage.pause, one.name, "is paused."))


def done(work: Callable[[], tuple[str, str]]) -> None:
    """Does what was clicked and shows the page anew with what came of it."""
    try:
        st.session_state[SAID] = work()
    except GrimoireError as error:
        st.session_state[SAID] = ("bad", f"{error.problem} {error.remedy}")
    st.rerun()


def tested(name: str) -> tuple[str, str]:
    health = manage.test(name)
    return ("good" if health.is_well else "bad"), f"{name}: {health.said}"


def ran(name: str) -> tuple[str, str]:
    from apps.cli.road import run_road

    bar = st.progress(0.0, text=f"Running {name}; leaving this page ends the run")

    def tell(words: str, share: float) -> None:
        bar.progress(min(max(share, 0.0), 1.0), text=words)

    report = run_road(tell, connection=name)
    return "good", f"{name} was loaded in {duration(report['seconds'])}."


def act(what: Callable[[str], None], name: str, words: str) -> tuple[str, str]:
    what(name)
    return "good", f"{name} {words}"


def form() -> None:
    offers = {offer.type: offer for offer in manage.offers()}
    with st.form("add_connection", border=False):
        kind = st.selectbox(
            "System",
            list(offers),
            format_func=lambda name: f"{offers[name].title} ({'ready-made' if offers[name].is_system else 'kind'})",
            key="add_type",
        )
        name = st.text_input("Name", placeholder="shop", key="add_name", help="Its rows land in schema raw_<name>.")
        address = st.text_input("Address", placeholder="postgresql://reader@db.example/shop", key="add_address")
        credentials = st.text_area(
            "Credentials",
            placeholder="password=env:SHOP_PASSWORD",
            key="add_credentials",
            help="One NAME=REFERENCE per line. Never the secret itself: env:NAME, file:PATH or vault:PATH#KEY.",
        )
        resources = st.text_input(
            "Resources", placeholder="orders, order_lines", key="add_resources", help="Empty: all of a ready-made system's."
        )
        schedule = st.text_input("Schedule", placeholder="0 4 * * *", key="add_schedule", help="Cron. Empty: with the daily run.")
        asked = st.form_submit_button("Add", type="primary", icon=":material/add:")
    if asked:
        is_system = offers[kind].is_system
        done(lambda: add(described(kind, name, address, credentials, resources, schedule, is_system=is_system)))


def described(
    kind: str, name: str, address: str, credentials: str, resources: str, schedule: str, *, is_system: bool
) -> dict[str, Any]:
    """The connection file's words for what was typed."""
    words: dict[str, Any] = {"name": name.strip(), "type": kind, "address": address.strip(), "schedule": schedule.strip()}
    pairs = [line.partition("=") for line in credentials.splitlines() if line.strip()]
    if not all(found for _, found, _ in pairs):  # the line is not repeated: it may be the secret itself
        raise ConnectionFileError("A line of the credentials has no `=`.", remedy="Write one NAME=REFERENCE per line.")
    words["credentials"] = {key.strip(): reference.strip() for key, _, reference in pairs}
    named = [each.strip() for each in resources.split(",") if each.strip()]
    words["resources"] = [each if is_system else {"name": each} for each in named]
    return {key: value for key, value in words.items() if value}


def add(words: dict[str, Any]) -> tuple[str, str]:
    added = manage.add(words)
    reload_dagster()
    return "good", f"Added {added.name}. Next: {', then '.join(added.next_steps)}."


main()
