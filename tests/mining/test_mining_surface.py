"""What `mining` offers, and what importing it does not load."""

import subprocess
import sys

import mining


def test_the_names_on_offer_are_these_and_are_there():
    assert mining.__all__ == sorted(mining.__all__)
    assert set(mining.__all__) == {
        *("Attribute", "Conformance", "Duration", "Endpoints", "EventLog", "Filter", "Follows", "Length", "MinedResult", "Model"),
        *(
            "PetriNet",
            "Timeframe",
            "Variants",
            "WorkingCalendar",
            "align",
            "build_layout",
            "discover",
            "filters_from_json",
            "filters_to_json",
            "forget_process",
            "is_mined",
        ),
        *("AllBut", "AnyOf", "Cases", "FourEyes", "Path", "Performance", "Rework", "Sample", "State", "Trim"),
        *("Measure", "measures_of"),
        *("ModelComparison", "Evaluation", "Soundness", "check_soundness", "compare_models", "compare_process", "evaluate"),
        *("diagram_to_net", "net_to_diagram", "read_bpmn"),
        *("Accepted", "Deviation", "Deviations", "ReplayEstimate", "RuleResult", "accept_deviation", "check_rules", "conform"),
        "ConformanceReport",
        *("deviating_cases", "find_deviations", "run_process_tests", "token_replay", "violating_cases"),
        *("Change", "Comparison", "Difference", "ComparedMeasure", "bottlenecks", "changes", "compare"),
        "mine",
        "parameters_of",
        *("DeclareModel", "LogSkeleton", "TemporalProfile", "discover_declare", "discover_log_skeleton"),
        *("ObjectCentricLog", "ObjectCentricNet", "discover_net"),
    }
    assert all(hasattr(mining, name) for name in mining.__all__)


def test_importing_mining_loads_none_of_the_heavy_libraries():
    heavy = ["pm4py", "r4pm", "pandas", "polars", "pyarrow", "ibis", "duckdb"]
    program = f"import sys, mining; print([name for name in {heavy} if name in sys.modules])"

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"
