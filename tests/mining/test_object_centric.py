"""Object-centric logs: handmade ones by hand, the public ones against pm4py."""

import statistics
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from lake.errors import ColumnMissingError, DataError, FileFormatError, ModelError
from mining import ObjectCentricLog, discover_net
from mining.object_centric_net import dfg_dot
from mining.process_tree import ProcessTree

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*", "ignore:The inplace", "ignore:Mean of empty slice"
)
LINKS = [("e1", "o1"), ("e1", "i1"), ("e1", "i2"), ("e2", "i1"), ("e3", "i2"), ("e4", "o1"), ("e4", "i1"), ("e4", "i2")]
STEPS = {"e1": "place", "e2": "pick", "e3": "pick", "e4": 'ship "it"'}
FILES = ["ocel20_example.sqlite", "order_management_ocel2.sqlite", "recruiting-red.jsonocel", "order_process.jsonocel"]


def frames(steps=STEPS, links=LINKS, kinds=None, hours=range(24)):
    import pyarrow

    start = datetime(2024, 1, 1, tzinfo=UTC)
    times = [start + timedelta(hours=hours[number]) for number in range(len(steps))]
    things = kinds or {thing: "order" if thing.startswith("o") else "it's" for _, thing in links}
    events = pyarrow.table(
        {
            "event_id": pyarrow.array(steps.keys(), pyarrow.string()),
            "activity": pyarrow.array(steps.values(), pyarrow.string()),
            "occurred_at": pyarrow.array(times, pyarrow.timestamp("us", tz="UTC")),
        }
    )
    objects = {
        "object_id": pyarrow.array(things, pyarrow.string()),
        "object_type": pyarrow.array(things.values(), pyarrow.string()),
    }
    pairs = {name: pyarrow.array([link[n] for link in links], pyarrow.string()) for n, name in enumerate(("event_id", "object_id"))}
    return events, pyarrow.table(objects), pyarrow.table(pairs)


@pytest.fixture
def orders():
    with ObjectCentricLog.from_frames(*frames()) as log:
        yield log


def test_edges_count_events_objects_and_occurrences(orders):
    assert orders.dfg().fetchall() == [
        ("it's", "pick", 'ship "it"', 2, 2, 2, 5400.0, 5400.0),
        ("it's", "place", "pick", 2, 2, 2, 5400.0, 5400.0),
        ("order", "place", 'ship "it"', 1, 1, 1, 10800.0, 10800.0),
    ]


EVENTS = some.lists(
    some.tuples(some.sampled_from("abc"), some.integers(0, 3), some.sets(some.sampled_from(["o1", "o2", "i1", "i2", "i3"]))),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS)
def test_edges_are_those_of_each_objects_own_events(events):
    """Against plain Python: equal times, events of no or many objects, objects of no event."""
    steps = {f"e{number}": name for number, (name, _, _) in enumerate(events)}
    links = [(f"e{number}", thing) for number, (_, _, things) in enumerate(events) for thing in sorted(things)]
    kinds = {thing: thing[0] for thing in ("o1", "o2", "i1", "i2", "i3")}
    with ObjectCentricLog.from_frames(*frames(steps, links, kinds, [hour for _, hour, _ in events])) as log:
        found = {row[:3]: row[3:6] for row in log.dfg().fetchall()}

    pairs = defaultdict(list)
    order = sorted(range(len(events)), key=lambda number: events[number][1])
    for thing, kind in kinds.items():
        own = [number for number in order if thing in events[number][2]]
        for one, other in pairwise(own):
            pairs[kind, events[one][0], events[other][0]].append((one, other, thing))
    assert found == {
        edge: (len({two[:2] for two in seen}), len({thing for *_, thing in seen}), len(seen)) for edge, seen in pairs.items()
    }


def test_an_event_that_takes_several_objects_makes_its_arcs_variable(orders):
    rows = orders.activities().project("object_type, activity, events, objects, most_objects_per_event, is_variable").fetchall()

    assert rows == [
        ("it's", "pick", 2, 2, 1, False),
        ("it's", "place", 1, 2, 2, True),
        ("it's", 'ship "it"', 1, 2, 2, True),
        ("order", "place", 1, 1, 1, False),
        ("order", 'ship "it"', 1, 1, 1, False),
    ]


def test_lifecycles_variants_and_meetings(orders):
    assert orders.variants("it's").fetchall() == [(1, ["place", "pick", 'ship "it"'], 3, 2, 1.0)]
    assert [row[:5] for row in orders.lifecycles().fetchall()] == [("it's", 2, 0, 3.0, 10800.0), ("order", 1, 0, 2.0, 10800.0)]
    assert orders.interactions().fetchall() == [("it's", "order", 2, 2), ("it's", "it's", 2, 1)]
    summary = orders.summary()
    assert (summary["events"], summary["objects"], summary["object_types"], summary["occurrences"]) == (4, 3, 2, 8)


def test_a_flattened_log_is_an_event_log(orders):
    with orders.flatten("it's") as log:
        assert log.summary()["cases"] == 2
        assert log.variant_multiset() == [(1, ("place", "pick", 'ship "it"'), 2)]


def test_events_at_one_time_keep_their_recorded_order():
    with ObjectCentricLog.from_frames(*frames(hours=[0] * 4)) as log:
        assert log.variant_multiset("order") == {("place", 'ship "it"'): 1}


def test_a_link_told_twice_counts_once():
    with ObjectCentricLog.from_frames(*frames(links=LINKS + LINKS)) as log:
        assert log.summary()["occurrences"] == 8


def test_objects_without_events_and_events_without_objects_are_counted_where_they_belong():
    kinds = {"o1": "order", "i1": "item", "i2": "item", "idle": "machine"}
    with ObjectCentricLog.from_frames(*frames(steps=STEPS | {"e5": "pick"}, kinds=kinds)) as log:
        assert log.object_types == ("item", "order")
        assert log.lifecycles().filter("object_type = 'machine'").fetchall() == [("machine", 1, 1, None, None, None, None)]
        assert log.activities().filter("activity = 'pick'").project("single_events, is_variable").fetchall() == [(2, True)]
        with pytest.raises(DataError, match=r"type `machine` has an event.* item, order"):
            log.flatten("machine")


def test_an_empty_log_has_nothing_and_an_empty_net():
    with ObjectCentricLog.from_frames(*frames(steps={}, links=[])) as log:
        assert log.dfg().fetchall() == log.activities().fetchall() == log.lifecycles().fetchall() == []
        assert log.discover().arcs == ()


def test_the_net_joins_the_types_in_their_activities(orders):
    import json

    net = orders.discover()

    assert {one.label for one in net.transitions if one.label} == {"place", "pick", 'ship "it"'}
    assert {(arc.object_type, arc.is_variable) for arc in net.arcs if "place" in (arc.source + arc.target)} == {
        ("it's", True),
        ("order", False),
    }
    drawn, told = net.to_dot(), json.loads(net.to_json())
    assert '"activity ship \\"it\\"" [label="ship \\"it\\"", shape="box"];' in drawn
    assert drawn.count(" -> ") == len(told["arcs"]) == len(net.arcs) == 10
    ids = [one["id"] for one in told["places"] + told["transitions"]]
    assert len(set(ids)) == len(ids)
    assert {end for arc in told["arcs"] for end in (arc["source"], arc["target"])} == set(ids)


def test_the_graph_is_dot(orders):
    drawn = dfg_dot(orders)

    assert '"activity pick" -> "activity ship \\"it\\"" [label="it\'s: 2, 1.5 h"' in drawn
    assert drawn.count("{") == drawn.count("}") == 1


def test_what_cannot_be_used_is_refused(orders, tmp_path):
    events, objects, links = frames()
    with pytest.raises(ColumnMissingError, match="table of objects has no column `object_type`"):
        ObjectCentricLog.from_frames(events, objects.drop_columns(["object_type"]), links)
    with pytest.raises(ModelError, match="noise threshold of 3"):
        discover_net(orders, noise=3)
    (tmp_path / "odd.jsonocel").write_text("no log")
    with pytest.raises(FileFormatError):
        ObjectCentricLog.from_file(tmp_path / "odd.jsonocel")
    broken = '{"ocel:events": {"e1": {"ocel:activity": "a", "ocel:omap": []}}, "ocel:objects": {}}'
    (tmp_path / "broken.jsonocel").write_text(broken)
    with pytest.raises(DataError, match=r"1 events of broken.jsonocel .*grimoire import"):
        ObjectCentricLog.from_file(tmp_path / "broken.jsonocel")


def as_pm4py(log: ObjectCentricLog):
    """The very rows of the log as pm4py's object: its readers order events at one time otherwise, or fail.

    Its nets fail where a type of object has no events.
    """
    from pm4py.objects.ocel.obj import OCEL

    ids = {"event_id": "ocel:eid", "activity": "ocel:activity", "occurred_at": "ocel:timestamp"}
    ids |= {"object_id": "ocel:oid", "object_type": "ocel:type"}
    events = log.connection.sql(f"select event_id, activity, occurred_at from ({log.events}) order by occurred_at, source_row").df()
    objects = log.connection.sql(f"from ({log.objects}) semi join ({log.event_objects}) using (object_id)").df()
    relations = log.connection.sql(
        f"select distinct on (occurred_at, source_row, object_id) event_id, activity, occurred_at, object_id, object_type "
        f"from ({log.event_objects}) join ({log.events}) using (event_id) join ({log.objects}) using (object_id) "
        "order by occurred_at, source_row, object_id"
    ).df()
    return OCEL(*(frame.rename(columns=ids) for frame in (events, objects, relations)))


def sorted_tree(tree: ProcessTree) -> str:
    """The tree with branches whose order means nothing in the order of their texts."""
    if not tree.children:
        return str(tree)
    parts = [sorted_tree(child) for child in tree.children]
    kept = {"sequence": len(parts), "loop": 1}.get(str(tree.operator), 0)
    return f"{tree.operator}({', '.join(parts[:kept] + sorted(parts[kept:]))})"


@pytest.fixture(scope="module", params=FILES)
def both(request, tmp_path_factory):
    """A public log, and pm4py's graph and net of it."""
    from pm4py.algo.discovery.ocel.ocpn.variants import classic as nets

    from lake.settings import get_settings

    path = Path(__file__).resolve().parents[3] / "shared" / "data" / "object_centric" / request.param
    if not path.exists():
        pytest.skip(f"no {path}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRIMOIRE_HOME", str(tmp_path_factory.getbasetemp() / "objects-home"))
        get_settings.cache_clear()
        with ObjectCentricLog.from_file(path) as log:
            ocel = as_pm4py(log)
            yield log, ocel, nets.apply(ocel, {"disable_fallthroughs": False, "disable_strict_sequence_cut": False})
    get_settings.cache_clear()


def test_edges_and_times_are_those_of_pm4py(both):
    from pm4py.algo.discovery.ocel.ocdfg.variants import classic

    log, ocel, _ = both
    theirs = classic.apply(ocel)
    counts, times = {}, {}
    for kind, edges in theirs["edges"]["total_objects"].items():
        for edge, triples in edges.items():
            parts = [theirs["edges"][part][kind][edge] for part in ("event_couples", "unique_objects")]
            counts[kind, *edge] = (*map(len, parts), len(triples))
            seconds = theirs["edges_performance"]["total_objects"][kind][edge]
            times[kind, *edge] = pytest.approx((statistics.fmean(seconds), statistics.median(seconds)), abs=1e-3)
    rows = log.dfg().fetchall()
    assert {row[:3]: row[3:6] for row in rows} == counts
    assert {row[:3]: row[6:] for row in rows} == times


def test_activities_are_those_of_pm4py(both):
    from pm4py.algo.discovery.ocel.ocdfg.variants import classic

    log, ocel, _ = both
    found = classic.apply(ocel, {"compute_edges_performance": False})
    theirs = {
        (kind, name): (
            *(len(found["activities_ot"][part][kind][name]) for part in ("events", "unique_objects", "total_objects")),
            *(len(found[end]["unique_objects"][kind].get(name, ())) for end in ("start_activities", "end_activities")),
        )
        for kind, names in found["activities_ot"]["events"].items()
        for name in names
    }
    assert {row[:2]: row[2:7] for row in log.activities().fetchall()} == theirs


def test_nets_and_variable_arcs_are_those_of_pm4py(both):
    from pm4py.algo.discovery.inductive import algorithm
    from pm4py.objects.ocel.util import flattening

    log, ocel, theirs = both
    net = log.discover()
    assert net.variable == {
        (kind, name) for kind, found in theirs["double_arcs_on_activity"].items() for name in found if found[name]
    }
    assert set(net.nets) <= set(theirs["petri_nets"])
    for kind, model in net.models.items():
        tree = algorithm.apply(flattening.flatten(ocel, kind), variant=algorithm.Variants.IM)
        assert sorted_tree(model.tree) == sorted_tree(ProcessTree.from_pm4py(tree))
        labels = {transition.label for transition in theirs["petri_nets"][kind][0].transitions if transition.label}
        assert model.net.labels == labels


def test_objects_meet_as_in_pm4py(both):
    from pm4py.algo.transformation.ocel.graphs import object_interaction_graph

    log, ocel, _ = both
    assert sum(row[3] for row in log.interactions().fetchall()) == len(object_interaction_graph.apply(ocel))


@pytest.mark.parametrize("file", ["p2p-normal.jsonocel", "order_process.jsonocel"])
def test_files_that_pm4py_cannot_read_are_mined(shared_data, file):
    with ObjectCentricLog.from_file(shared_data / "object_centric" / file) as log:
        assert log.summary()["events"] == {"p2p-normal.jsonocel": 720, "order_process.jsonocel": 2391}[file]
        assert all(model.is_sound for model in log.discover().models.values())


def test_three_layouts_of_one_log_have_one_graph(shared_data):
    graphs = []
    for ending in ("sqlite", "jsonocel", "xmlocel"):
        with ObjectCentricLog.from_file(shared_data / "object_centric" / f"ocel20_example.{ending}") as log:
            graphs.append(log.dfg().fetchall())
    assert graphs[0] == graphs[1] == graphs[2]
