"""Process mining over event logs: in SQL where SQL can, pm4py and r4pm where it cannot.

What belongs here: event logs, kernels, discovery, conformance, their result tables. What does not: pages and Dagster.
"""

from mining.calendars import WorkingCalendar
from mining.conformance import Conformance, align
from mining.discovery import Model, discover
from mining.earlier import is_mined, parameters_of
from mining.event_log import EventLog
from mining.filters import (
    AnyOf,
    Attribute,
    Cases,
    Duration,
    Endpoints,
    Filter,
    Follows,
    FourEyes,
    Length,
    Path,
    Performance,
    Rework,
    Sample,
    State,
    Timeframe,
    Trim,
    Variants,
    filters_from_json,
    filters_to_json,
)
from mining.forgetting import forget_process
from mining.kpis import Measure, measures_of
from mining.layout import build_layout
from mining.petri_net import PetriNet
from mining.results import MinedResult, mine

__all__ = [
    "AnyOf",
    "Attribute",
    "Cases",
    "Conformance",
    "Duration",
    "Endpoints",
    "EventLog",
    "Filter",
    "Follows",
    "FourEyes",
    "Length",
    "Measure",
    "MinedResult",
    "Model",
    "Path",
    "Performance",
    "PetriNet",
    "Rework",
    "Sample",
    "State",
    "Timeframe",
    "Trim",
    "Variants",
    "WorkingCalendar",
    "align",
    "build_layout",
    "discover",
    "filters_from_json",
    "filters_to_json",
    "forget_process",
    "is_mined",
    "measures_of",
    "mine",
    "parameters_of",
]
