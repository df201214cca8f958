"""The tables that dbt does not make: what they hold, what they are made from, and which pages read them.

What belongs here: those words. What does not: the tables of dbt, which say it in their YAML files.
"""

# By table or by schema: a description, and how the keys begin of the tables it is made from.
BESIDE: dict[str, tuple[str, tuple[str, ...]]] = {
    "mining.logs": ("Size and case times of every mined event log, one row per process.", ("event_logs.",)),
    "mining.dfg": ("The directly-follows graph: which activity follows which, how often and how long after.", ("event_logs.",)),
    "mining.activities": ("Activities of every mined event log with their events and cases.", ("event_logs.",)),
    "mining.variants": ("The ways cases run, the most frequent first, and whether they fit the model.", ("event_logs.",)),
    "mining.throughput": ("Cases started, completed and open per week.", ("event_logs.",)),
    "mining.models": ("The discovered model of every process and how well its cases fit.", ("event_logs.",)),
    "mining.kpis": ("The measures of every process, over all cases and in groups.", ("event_logs.",)),
    "mining.oc_dfg": ("The directly-follows graph of every type of object of an object-centric log.", ("event_logs.",)),
    "mining.oc_activities": ("The activities of every type of object, and how many objects their events take.", ("event_logs.",)),
    "mining.oc_nets": ("The net of every type of object of an object-centric log.", ("event_logs.",)),
    "mining.model_comparison": ("Models of several miners side by side, with their texts and the one proposed.", ("event_logs.",)),
    "mining.alignments": ("One exact alignment per variant and model, with its moves.", ("event_logs.",)),
    "mining.deviations": ("Activities skipped, inserted or out of place, with their cases and what they cost.", ("event_logs.",)),
    "mining.conformance": ("How well cases fit the model, with and without the accepted deviations.", ("event_logs.",)),
    "mining.rule_results": ("The rules of every process and the cases that break them.", ("event_logs.",)),
    "mining.accepted_deviations": ("Deviations that a person accepts.", ()),
    "mining": ("A result of mining, one row or more per process.", ("event_logs.",)),
    "layouts": ("The layout an event log is mined from: numbered events and activities.", ()),
    "forecasts.forecasts": ("The champions' forecasts with their intervals.", ("products.kpis__daily", "products.kpis__weekly")),
    "forecasts.backtests": ("How well each model did on earlier windows.", ("products.kpis__daily", "products.kpis__weekly")),
    "forecasts.champions": ("Champion and challenger of every series.", ("products.kpis__daily", "products.kpis__weekly")),
    "forecasts": ("A result of forecasting.", ("products.kpis__daily", "products.kpis__weekly")),
    "platform.loads": ("One row per table and load: rows extracted, landed and quarantined.", ()),
    "platform.check_results": ("Every check's every result.", ()),
    "platform.processes": ("The processes the platform knows.", ()),
    "platform.writes": ("Rows written back to other systems.", ()),
    "platform": ("A table of the platform's own.", ()),
    "quarantine.rows": ("Rows held back, each with the rule it broke.", ()),
    "raw_files": ("Rows of an imported event-log file.", ()),
    "event_logs": ("The case view of an imported event log.", ()),
}

# Pages by the name of their file: title, and the tables or schemas they read beside those their exposure names.
PAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "overview": ("Overview", ("mining.logs", "mining.throughput", "mining.models", "platform.loads", "platform.check_results")),
    "process_map": ("Process map", ("mining.logs", "mining.dfg", "mining.activities")),
    "variants": ("Variants", ("mining.logs", "mining.variants")),
    "forecasts": ("Forecasts", ("forecasts.forecasts", "forecasts.backtests", "forecasts.champions")),
    "data_quality": ("Data quality", ("platform.loads", "platform.check_results", "quarantine.rows")),
    "connections": ("Connections", ("platform.loads", "quarantine.rows")),
}
