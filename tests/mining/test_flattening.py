"""What making cases of an object-centric log costs: told apart by hand for one small log."""

import pytest

import lake
from lake.registry import register_process
from mining import mine
from mining.flattening import flattening

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*")

# Two orders in one delivery (converges), one order in two deliveries (diverges), a price changed twice (repeated, not diverging),
# and an event that concerns no order. The case called NA is one like any other.
LOG = """
create schema if not exists event_logs;
create table event_logs.small__events as
    select event_id, activity, timestamptz '2024-01-01 00:00:00+00' + to_hours(event_id::integer) as occurred_at,
           event_id::bigint as source_row
    from (values ('1', 'Order'), ('2', 'Order'), ('3', 'Change Price'), ('4', 'Change Price'), ('5', 'Ship'), ('6', 'Ship'),
        ('7', 'Count')
    ) as e (event_id, activity);
create table event_logs.small__objects as
    select object_id, split_part(object_id, ':', 1) as object_type
    from (values ('order:NA'), ('order:2'), ('delivery:5'), ('delivery:6'), ('depot:1'), ('order:idle')) as o (object_id);
create table event_logs.small__event_objects as
    select *, '' as qualifier from (values ('1', 'order:NA'), ('2', 'order:2'), ('3', 'order:NA'), ('4', 'order:NA'),
        ('5', 'order:NA'), ('5', 'order:2'), ('5', 'delivery:5'), ('6', 'order:NA'), ('6', 'delivery:6'), ('7', 'depot:1')
    ) as r (event_id, object_id);
create view event_logs.small as
    select split_part(object_id, ':', 2) as case_id, activity, occurred_at, null::timestamptz as started_at,
           null::varchar as resource, source_row{more}
    from event_logs.small__event_objects join event_logs.small__events using (event_id) where object_id like 'order:%'
"""
ORDERS = {
    "case_notion": "order", "is_case_notion": True, "cases": 2, "events": 7, "events_in_no_case": 1, "case_events": 7,
    "duplicated_events": 1, "extra_copies": 1, "diverging_activities": 1, "diverging_cases": 1,
}  # fmt: skip
DELIVERIES = {
    "case_notion": "delivery", "is_case_notion": False, "cases": 2, "events": 7, "events_in_no_case": 5, "case_events": 2,
    "duplicated_events": 0, "extra_copies": 0, "diverging_activities": 0, "diverging_cases": 0,
}  # fmt: skip


def land(*, more: str = "", notion: object = "order") -> None:
    def work(connection):
        for statement in LOG.format(more=more).split(";\n"):
            connection.execute(statement)
        register_process(connection, "small", title="Small", origin="product", definition={"case_notion": notion})

    lake.in_transaction(work)


@pytest.mark.parametrize(
    ("more", "notion"), [("", "order"), (", event_id", {"object_type": "order"})], ids=["an import", "a product"]
)
def test_convergence_and_divergence_are_counted_per_type_of_object(grimoire_home, more, notion):
    land(more=more, notion=notion)
    with lake.connect(read_only=True) as connection:
        found = flattening(connection, "small").to_pylist()
    assert found[0] == ORDERS
    assert [row["case_notion"] for row in found] == ["order", "delivery", "depot"]
    assert found[1] == DELIVERIES


def test_mining_writes_it_and_writes_nothing_for_a_log_of_cases_only(grimoire_home):
    land()
    lake.in_transaction(lambda connection: connection.execute("create view event_logs.plain as from event_logs.small"))
    mine("small")
    mine("plain")
    told = lake.query("select process, case_notion, extra_copies from mining.flattening order by all").fetchall()
    assert told == [("small", "delivery", 0), ("small", "depot", 0), ("small", "order", 1)]
