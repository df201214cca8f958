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
    "mining.activity_times": ("Waiting, service and sojourn time of every activity, in working time.", ("event_logs.",)),
    "mining.edge_times": ("The same for every edge of the directly-follows graph.", ("event_logs.",)),
    "mining.bottlenecks": ("The edges by the working time that is lost on them, the bottleneck first.", ("event_logs.",)),
    "mining.queues": ("How many cases wait for each activity, and are in progress, per week.", ("event_logs.",)),
    "mining.slas": ("How every service-level agreement was kept.", ("event_logs.",)),
    "mining.due_dates": ("How many cases were done by the dates they themselves name.", ("event_logs.",)),
    "mining.batches": ("What each resource does in batches.", ("event_logs.",)),
    "mining.multitasking": ("How far resources work at several events at once.", ("event_logs.",)),
    "mining.spectrum": ("The performance spectrum of the most frequent steps, per week.", ("event_logs.",)),
    "mining.synchronisation": ("How long objects wait for one another at an event.", ("event_logs.",)),
    "mining.resources": ("Workload and utilisation of every resource.", ("event_logs.",)),
    "mining.handovers": ("Which resource hands work over to which, and how often.", ("event_logs.",)),
    "mining.working_together": ("Which resources work on the same cases.", ("event_logs.",)),
    "mining.roles": ("Activities that are done by the same resources.", ("event_logs.",)),
    "mining.segregation": ("Pairs of activities that one resource did both of in a case.", ("event_logs.",)),
    "mining.activity_resources": ("How many resources do each activity.", ("event_logs.",)),
    "mining.changes": ("When the process changed, and what changed then.", ("event_logs.",)),
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
