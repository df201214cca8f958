"""The Grimoire of IT operations: what it shows and the SQL it is read with.

What belongs here: that declaration. What does not: how a Grimoire is shown (`grimoire`).
"""

from apps.streamlit.grimoire import Chart, Figure, Grimoire, Listing, Opens, Source

LOADS = Source(
    "Loads",
    "platform.loads",
    "Nothing has been loaded. Run the demo company, or connect a system:",
    ("grimoire run", "grimoire connect add SYSTEM"),
)
RUNS = Source(
    "Pipeline runs",
    "products.it_operations__pipeline_runs",
    "No pipeline has run on a schedule yet; runs stand here from the second build on.",
    ("grimoire up",),
)
CHECKS = Source("Checks", "products.platform__checks", "No check has run yet.")
HOSTS = Source(
    "Hosts",
    "products.it_operations__events",
    "No log of hosts is connected. Connect syslog files:",
    ("grimoire connect add syslog", "grimoire demo sources FOLDER && grimoire run"),
)
STORAGE = Source("Storage", "products.platform__storage", "The lake's files have not been counted yet.")

IT_OPERATIONS = Grimoire(
    title="IT operations",
    about="Pipelines, loads and their age, checks, hosts, and what the lake takes.",
    figures=(
        Figure(
            "Oldest source",
            LOADS,
            """select max(hours) as value from (select epoch(now() - max(finished_at)) / 3600 as hours
               from platform.loads where source <> 'file' group by source)""",
            "hours",
            foot="since its last load",
        ),
        Figure("Rows landed", LOADS, "select sum(rows_landed) as value from platform.loads", "rows", foot="in all loads"),
        Figure("Rows held back", LOADS, "select sum(rows_quarantined) as value from platform.loads", "rows", foot="in all loads"),
        Figure(
            "Failing checks",
            CHECKS,
            "select count(*) filter (not is_passed) as value from products.platform__checks",
            "checks",
            foot="at their newest run",
        ),
        Figure(
            "Failed runs",
            RUNS,
            """select count(*) filter (not is_successful and started_at > now() - interval 7 day) as value
               from products.it_operations__pipeline_runs""",
            "runs",
            foot="within 7 days",
        ),
        Figure(
            "Errors of hosts",
            HOSTS,
            "select count(*) filter (severity_rank <= 3) as value from products.it_operations__events",
            "messages",
            foot="error or worse",
        ),
        Figure("Size of the lake", STORAGE, "select sum(bytes) / 1e6 as value from products.platform__storage", "MB"),
    ),
    charts=(
        Chart(
            "Rows landed, by source",
            LOADS,
            "select source, sum(rows_landed) as rows_landed from platform.loads group by all order by rows_landed desc limit 12",
            "bars",
            "source",
            "rows_landed",
            "Rows",
            opens=Opens(
                """select finished_at, table_name, rows_extracted, rows_landed, rows_quarantined, load_id
                   from platform.loads where source = $1 order by finished_at desc, table_name limit 200"""
            ),
        ),
        Chart(
            "Largest tables",
            STORAGE,
            """select table_schema || '.' || table_name as name, bytes / 1e6 as megabytes from products.platform__storage
               order by bytes desc limit 10""",
            "bars",
            "name",
            "megabytes",
            "MB",
        ),
        Chart(
            "Pipeline runs per day",
            RUNS,
            """select started_on as day, status, count(*) as runs from products.it_operations__pipeline_runs
               group by all order by all""",
            "columns",
            "day",
            "runs",
            "Runs",
            colour="status",
        ),
        Chart(
            "Messages of hosts per week",
            HOSTS,
            """select date_trunc('week', occurred_on)::date as week, severity, count(*) as messages
               from products.it_operations__events
               where occurred_on > (select max(occurred_on) from products.it_operations__events) - 365 group by all order by all""",
            "columns",
            "week",
            "messages",
            "Messages",
            colour="severity",
            note="The year before the newest message.",
        ),
        Chart(
            "Errors by program",
            HOSTS,
            """select coalesce(host || ': ', '') || coalesce(program, log) as program, count(*) as messages
               from products.it_operations__events where severity_rank <= 3
               group by all order by messages desc, program limit 10""",
            "bars",
            "program",
            "messages",
            "Messages, error or worse",
            opens=Opens(
                """select occurred_at, host, program, severity, message from products.it_operations__events
                   where severity_rank <= 3 and coalesce(host || ': ', '') || coalesce(program, log) = $1
                   order by occurred_at desc limit 200"""
            ),
        ),
    ),
    tables=(
        Listing(
            "Sources",
            LOADS,
            """select source, max(finished_at) as loaded_at, sum(rows_landed) as landed, sum(rows_quarantined) as held,
                   max(seconds) as seconds from platform.loads group by source order by loaded_at""",
            (
                ("source", "Source", "text"),
                ("loaded_at", "Last load", "moment"),
                ("landed", "Rows ever", "money"),
                ("held", "Held back", "money"),
                ("seconds", "Longest table, s", "number"),
            ),
        ),
        Listing(
            "Checks that fail",
            CHECKS,
            """select layer || '.' || subject as subject, check_name, severity, rows_failed, failing_since
               from products.platform__checks where not is_passed order by severity, rows_failed desc limit 12""",
            (
                ("subject", "Table", "text"),
                ("check_name", "Check", "text"),
                ("severity", "Severity", "text"),
                ("rows_failed", "Rows", "money"),
                ("failing_since", "Failing since", "moment"),
            ),
        ),
    ),
    processes=("syslog_instances",),
    products=("it_operations__pipeline_runs", "it_operations__events", "platform__loads", "platform__checks", "platform__storage"),
)
