"""The layers' words as Dagster uses them: asset keys, groups, and what every asset has in common.

What belongs here: naming. What does not: the assets.
"""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

# In the data's order. One word per layer, the same in schemas, asset keys, dbt folders and pages.
LAYERS = (
    "source",
    "raw",
    "staging",
    "snapshots",
    "intermediate",
    "products",
    "event_logs",
    "mining",
    "predictions",
    "forecasts",
    "lake",
)

POOL = "road"  # with granularity `run`: at most one run that touches the lake's layers at a time
EVERY_DAY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26))
FULL_REFRESH = "grimoire/full_refresh"  # tag of a run that builds even what has not changed
WHEN_NEWER = dg.AutomationCondition.eager()  # as soon as what it is made from has been made anew


def source_key(source: str, table: str) -> dg.AssetKey:
    """A table in a source system."""
    return dg.AssetKey(["source", source, table])


def raw_key(source: str, table: str) -> dg.AssetKey:
    """A landed table: schema raw_<source>."""
    return dg.AssetKey(["raw", source, table])


def dbt_key(path: Sequence[str], name: str) -> dg.AssetKey:
    """A dbt model, by the folders it lies in."""
    return dg.AssetKey([*path, name])


def event_log_key(process: str) -> dg.AssetKey:
    """The case view of a process whose event log the products yield."""
    return dg.AssetKey(["event_logs", process])


def mining_key(process: str) -> dg.AssetKey:
    """The mined result of a process."""
    return dg.AssetKey(["mining", process])
