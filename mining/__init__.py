"""Process mining over event logs: in SQL where SQL can, pm4py and r4pm where it cannot.

What belongs here: event logs, kernels, discovery, conformance, their result tables. What does not: pages and Dagster.

The names below are loaded when they are first used, so that asking a log one question does not load the miners.
"""

from typing import TYPE_CHECKING

from lake.lazy_names import lazy_names

if TYPE_CHECKING:
    from mining.bpmn_net import diagram_to_net, net_to_diagram
    from mining.bpmn_reading import read_bpmn
    from mining.calendars import WorkingCalendar
    from mining.comparison import ComparedMeasure, Comparison, compare
    from mining.conformance import Conformance, align
    from mining.conformance_report import ConformanceReport, conform
    from mining.declare import DeclareModel, discover_declare
    from mining.deviations import (
        Accepted,
        Deviation,
        Deviations,
        accept_deviation,
        deviating_cases,
        find_deviations,
        refuse_deviation,
    )
    from mining.discovery import Model, discover
    from mining.drift import Change, Difference, changes
    from mining.earlier import is_mined, parameters_of
    from mining.evaluation import Evaluation, ModelComparison, compare_models, evaluate
    from mining.event_log import EventLog
    from mining.filters import (
        AllBut,
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
    from mining.log_skeleton import LogSkeleton, discover_log_skeleton
    from mining.model_comparison import compare_process
    from mining.object_centric import ObjectCentricLog
    from mining.object_centric_net import ObjectCentricNet, discover_net
    from mining.performance import bottlenecks
    from mining.petri_net import PetriNet
    from mining.process_tests import run_process_tests
    from mining.replay import ReplayEstimate, token_replay
    from mining.results import MinedResult, mine
    from mining.rules import RuleResult, check_rules, violating_cases
    from mining.soundness import Soundness, check_soundness
    from mining.temporal_profile import TemporalProfile

_HOMES = {
    "mining.bpmn_net": ("diagram_to_net", "net_to_diagram"),
    "mining.bpmn_reading": ("read_bpmn",),
    "mining.calendars": ("WorkingCalendar",),
    "mining.comparison": ("ComparedMeasure", "Comparison", "compare"),
    "mining.conformance": ("Conformance", "align"),
    "mining.conformance_report": ("ConformanceReport", "conform"),
    "mining.declare": ("DeclareModel", "discover_declare"),
    "mining.deviations": (
        "Accepted",
        "Deviation",
        "Deviations",
        "accept_deviation",
        "deviating_cases",
        "find_deviations",
        "refuse_deviation",
    ),
    "mining.discovery": ("Model", "discover"),
    "mining.drift": ("Change", "Difference", "changes"),
    "mining.earlier": ("is_mined", "parameters_of"),
    "mining.evaluation": ("Evaluation", "ModelComparison", "compare_models", "evaluate"),
    "mining.event_log": ("EventLog",),
    "mining.filters": (
        "AllBut",
        "AnyOf",
        "Attribute",
        "Cases",
        "Duration",
        "Endpoints",
        "Filter",
        "Follows",
        "FourEyes",
        "Length",
        "Path",
        "Performance",
        "Rework",
        "Sample",
        "State",
        "Timeframe",
        "Trim",
        "Variants",
        "filters_from_json",
        "filters_to_json",
    ),
    "mining.forgetting": ("forget_process",),
    "mining.kpis": ("Measure", "measures_of"),
    "mining.layout": ("build_layout",),
    "mining.log_skeleton": ("LogSkeleton", "discover_log_skeleton"),
    "mining.model_comparison": ("compare_process",),
    "mining.object_centric": ("ObjectCentricLog",),
    "mining.object_centric_net": ("ObjectCentricNet", "discover_net"),
    "mining.performance": ("bottlenecks",),
    "mining.petri_net": ("PetriNet",),
    "mining.process_tests": ("run_process_tests",),
    "mining.replay": ("ReplayEstimate", "token_replay"),
    "mining.results": ("MinedResult", "mine"),
    "mining.rules": ("RuleResult", "check_rules", "violating_cases"),
    "mining.soundness": ("Soundness", "check_soundness"),
    "mining.temporal_profile": ("TemporalProfile",),
}

__all__ = [
    "Accepted",
    "AllBut",
    "AnyOf",
    "Attribute",
    "Cases",
    "Change",
    "ComparedMeasure",
    "Comparison",
    "Conformance",
    "ConformanceReport",
    "DeclareModel",
    "Deviation",
    "Deviations",
    "Difference",
    "Duration",
    "Endpoints",
    "Evaluation",
    "EventLog",
    "Filter",
    "Follows",
    "FourEyes",
    "Length",
    "LogSkeleton",
    "Measure",
    "MinedResult",
    "Model",
    "ModelComparison",
    "ObjectCentricLog",
    "ObjectCentricNet",
    "Path",
    "Performance",
    "PetriNet",
    "ReplayEstimate",
    "Rework",
    "RuleResult",
    "Sample",
    "Soundness",
    "State",
    "TemporalProfile",
    "Timeframe",
    "Trim",
    "Variants",
    "WorkingCalendar",
    "accept_deviation",
    "align",
    "bottlenecks",
    "build_layout",
    "changes",
    "check_rules",
    "check_soundness",
    "compare",
    "compare_models",
    "compare_process",
    "conform",
    "deviating_cases",
    "diagram_to_net",
    "discover",
    "discover_declare",
    "discover_log_skeleton",
    "discover_net",
    "evaluate",
    "filters_from_json",
    "filters_to_json",
    "find_deviations",
    "forget_process",
    "is_mined",
    "measures_of",
    "mine",
    "net_to_diagram",
    "parameters_of",
    "read_bpmn",
    "refuse_deviation",
    "run_process_tests",
    "token_replay",
    "violating_cases",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
