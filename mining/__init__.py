"""Process mining over event logs: in SQL where SQL can, pm4py and r4pm where it cannot.

What belongs here: event logs, kernels, discovery, conformance, their result tables. What does not: pages and Dagster.
"""

from mining.bpmn_net import diagram_to_net, net_to_diagram
from mining.bpmn_reading import read_bpmn
from mining.comparison import compare_process
from mining.conformance import Conformance, align
from mining.discovery import Model, discover
from mining.earlier import is_mined, parameters_of
from mining.evaluation import Comparison, Evaluation, compare_models, evaluate
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
from mining.petri_net import PetriNet
from mining.results import MinedResult, mine
from mining.soundness import Soundness, check_soundness

__all__ = [
    "Attribute",
    "Comparison",
    "Conformance",
    "Duration",
    "Endpoints",
    "Evaluation",
    "EventLog",
    "Filter",
    "Follows",
    "Length",
    "MinedResult",
    "Model",
    "PetriNet",
    "Soundness",
    "Timeframe",
    "Variants",
    "align",
    "build_layout",
    "check_soundness",
    "compare_models",
    "compare_process",
    "diagram_to_net",
    "discover",
    "evaluate",
    "filters_from_json",
    "filters_to_json",
    "forget_process",
    "is_mined",
    "mine",
    "net_to_diagram",
    "parameters_of",
    "read_bpmn",
]
