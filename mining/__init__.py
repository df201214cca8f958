"""Process mining over event logs: in SQL where SQL can, pm4py and r4pm where it cannot.

What belongs here: event logs, kernels, discovery, conformance, their result tables. What does not: pages and Dagster.
"""

from mining.comparison import Comparison, Measure, compare
from mining.conformance import Conformance, align
from mining.discovery import Model, discover
from mining.drift import Change, Difference, changes
from mining.earlier import is_mined, parameters_of
from mining.event_log import EventLog
from mining.filters import (
    Attribute,
    Duration,
    Endpoints,
    Filter,
    Follows,
    Length,
    Timeframe,
    Variants,
    filters_from_json,
    filters_to_json,
)
from mining.forgetting import forget_process
from mining.layout import build_layout
from mining.performance import bottlenecks
from mining.petri_net import PetriNet
from mining.results import MinedResult, mine

__all__ = [
    "Attribute",
    "Change",
    "Comparison",
    "Conformance",
    "Difference",
    "Duration",
    "Endpoints",
    "EventLog",
    "Filter",
    "Follows",
    "Length",
    "Measure",
    "MinedResult",
    "Model",
    "PetriNet",
    "Timeframe",
    "Variants",
    "align",
    "bottlenecks",
    "build_layout",
    "changes",
    "compare",
    "discover",
    "filters_from_json",
    "filters_to_json",
    "forget_process",
    "is_mined",
    "mine",
    "parameters_of",
]
