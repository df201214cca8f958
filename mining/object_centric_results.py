"""The result tables of object-centric mining, for every process whose log knows objects.

What belongs here: filling `mining.oc_dfg`, `mining.oc_activities` and `mining.oc_nets`. What does not: how anything is found
(`mining.object_centric`, `mining.object_centric_net`).
"""

from typing import TYPE_CHECKING, Any

from mining.object_centric_net import ObjectCentricNet

if TYPE_CHECKING:
    import pyarrow

    from mining.object_centric import ObjectCentricLog
    from mining.sections import Mined

NET_WORK = 15_000_000  # events in variants x activities²: about half a second; what takes more is left to `grimoire objects --net`

TABLES = {
    "oc_dfg": "object_type varchar, source varchar, target varchar, events bigint, objects bigint, occurrences bigint, "
    "mean_seconds double, median_seconds double",
    "oc_activities": "object_type varchar, activity varchar, events bigint, objects bigint, occurrences bigint, starts bigint, "
    "ends bigint, single_events bigint, least_objects_per_event bigint, mean_objects_per_event double, "
    "most_objects_per_event bigint, is_variable boolean",
    "oc_nets": "object_type varchar, miner varchar, noise double, places bigint, transitions bigint, silent bigint, arcs bigint, "
    "variable_activities varchar[], pnml varchar",
}


def tables(mined: "Mined") -> dict[str, "pyarrow.Table"]:
    """The tables of one process; without rows where its log knows cases only.

    Nets have the noise of the process's model. A type whose objects nearly all run differently (long-lived ones, such as customers)
    has a row without a net, because that would take too long for every run.
    """
    log, connection = mined.objects, mined.log.connection
    if log is None:
        return {name: connection.sql(f"select {_columns(name)} where false").to_arrow_table() for name in TABLES}
    return {
        "oc_dfg": log.dfg().to_arrow_table(),
        "oc_activities": log.activities().to_arrow_table(),
        "oc_nets": _table("oc_nets", _rows(log, mined.model.noise)),
    }


def _rows(log: "ObjectCentricLog", noise: float) -> list[dict[str, Any]]:
    quick = [kind for kind in log.object_types if _work(log.variant_multiset(kind)) <= NET_WORK]
    found = log.discover(noise=noise, object_types=quick)
    return [_row(found, kind) for kind in log.object_types]


def _work(variants: dict[tuple[str, ...], int]) -> int:
    """What the inductive miner's time grows with."""
    return sum(map(len, variants)) * len({name for names in variants for name in names}) ** 2


def _row(found: ObjectCentricNet, kind: str) -> dict[str, Any]:
    variable = sorted(name for of, name in found.variable if of == kind)
    row: dict[str, Any] = {"object_type": kind, "variable_activities": variable}
    if (model := found.models.get(kind)) is None:
        return row
    sizes = {"places": len(model.net.places), "transitions": len(model.net.transitions), "arcs": len(model.net.arcs)}
    return row | sizes | {"miner": model.miner, "noise": model.noise, "silent": model.net.silent, "pnml": model.to_pnml()}


def _table(name: str, rows: list[dict[str, Any]]) -> "pyarrow.Table":
    import pyarrow

    types = {"varchar": pyarrow.string(), "double": pyarrow.float64(), "bigint": pyarrow.int64()}
    types["varchar[]"] = pyarrow.list_(pyarrow.string())
    columns = [column.split() for column in TABLES[name].split(", ")]
    return pyarrow.Table.from_pylist(rows, schema=pyarrow.schema([(column, types[kind]) for column, kind in columns]))


def _columns(name: str) -> str:
    return ", ".join("cast(null as {1}) as {0}".format(*column.split()) for column in TABLES[name].split(", "))
