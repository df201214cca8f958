"""Process mining over event logs: in SQL where SQL can, pm4py and r4pm where it cannot.

What belongs here: event logs, kernels, discovery, conformance, their result tables. What does not: pages and Dagster.
"""

from mining.conformance import Conformance, align
from mining.conformance_report import ConformanceReport, conform
from mining.deviations import Accepted, Deviation, Deviations, accept_deviation, deviating_cases, find_deviations
from mining.discovery import Model, discover
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
from mining.petri_net import PetriNet
from mining.process_tests import run_process_tests
from mining.replay import ReplayEstimate, token_replay
from mining.results import MinedResult, mine
from mining.rules import RuleResult, check_rules, violating_cases

__all__ = [
    "Accepted",
    "Attribute",
    "Conformance",
    "ConformanceReport",
    "Deviation",
    "Deviations",
    "Duration",
    "Endpoints",
    "EventLog",
    "Filter",
    "Follows",
    "Length",
    "MinedResult",
    "Model",
    "PetriNet",
    "ReplayEstimate",
    "RuleResult",
    "Timeframe",
    "Variants",
    "accept_deviation",
    "align",
    "build_layout",
    "check_rules",
    "conform",
    "deviating_cases",
    "discover",
    "filters_from_json",
    "filters_to_json",
    "find_deviations",
    "forget_process",
    "is_mined",
    "mine",
    "parameters_of",
    "run_process_tests",
    "token_replay",
    "violating_cases",
]
