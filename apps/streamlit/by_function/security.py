"""The Grimoire of security operations: what it shows and the SQL it is read with.

What belongs here: that declaration. What does not: how a Grimoire is shown (`grimoire`).
"""

from apps.streamlit.grimoire import Chart, Figure, Grimoire, Listing, Opens, Source

_DEMO = "grimoire demo sources FOLDER && grimoire run"
ALERTS = Source(
    "Alerts",
    "products.security__alerts",
    "No intrusion detection is connected. Connect Suricata's EVE files:",
    ("grimoire connect add suricata", _DEMO),
)
FLAWS = Source(
    "Vulnerabilities",
    "products.security__vulnerabilities",
    "CISA's catalogue of exploited vulnerabilities is not connected:",
    ("grimoire connect add cisa_kev", _DEMO),
)
SIGN_INS = Source(
    "Sign-ins",
    "products.security__sign_ins",
    "No log of sign-ins is connected. Connect syslog files:",
    ("grimoire connect add syslog", _DEMO),
)

SECURITY = Grimoire(
    title="Security operations",
    about="Alerts, known exploited vulnerabilities and sign-ins.",
    figures=(
        Figure(
            "Alerts of high severity",
            ALERTS,
            "select count(*) filter (severity = 1) as value from products.security__alerts",
            "alerts",
            foot="in the whole log",
        ),
        Figure(
            "Not blocked",
            ALERTS,
            "select count(*) filter (not coalesce(is_blocked, false)) as value from products.security__alerts",
            "alerts",
            foot="of all severities",
        ),
        Figure(
            "Vulnerabilities past due",
            FLAWS,
            "select count(*) filter (is_overdue) as value from products.security__vulnerabilities",
            "in the catalogue",
            foot="which of them concern you it does not know",
        ),
        Figure(
            "Used by ransomware",
            FLAWS,
            "select count(*) filter (is_used_by_ransomware) as value from products.security__vulnerabilities",
            "in the catalogue",
        ),
        Figure(
            "Failed sign-ins",
            SIGN_INS,
            "select sum(attempts) filter (outcome = 'failed') as value from products.security__sign_ins",
            "attempts",
        ),
        Figure(
            "Brute force",
            SIGN_INS,
            "select count(*) filter (is_brute_force) as value from products.security__sign_in_sources",
            "addresses",
            foot="many failures in a short time",
        ),
    ),
    charts=(
        Chart(
            "Alerts per day",
            ALERTS,
            """select occurred_on as day, severity_name as severity, count(*) as alerts
               from products.security__alerts group by all order by all""",
            "columns",
            "day",
            "alerts",
            "Alerts",
            colour="severity",
        ),
        Chart(
            "Alerts by category",
            ALERTS,
            """select coalesce(category, 'none') as category, count(*) as alerts from products.security__alerts
               group by all order by alerts desc, category limit 10""",
            "bars",
            "category",
            "alerts",
            "Alerts",
            opens=Opens(
                """select occurred_at, signature, severity_name, action, source_address, target_address, target_port, protocol
                   from products.security__alerts where coalesce(category, 'none') = $1 order by occurred_at desc limit 200"""
            ),
        ),
        Chart(
            "Vulnerabilities added per month",
            FLAWS,
            """select date_trunc('month', added_on)::date as month,
                   case when is_used_by_ransomware then 'Used by ransomware' else 'Other' end as kind, count(*) as vulnerabilities
               from products.security__vulnerabilities group by all order by all""",
            "columns",
            "month",
            "vulnerabilities",
            "Vulnerabilities",
            colour="kind",
        ),
        Chart(
            "Vulnerabilities by vendor",
            FLAWS,
            """select vendor, count(*) as vulnerabilities from products.security__vulnerabilities
               group by all order by vulnerabilities desc, vendor limit 10""",
            "bars",
            "vendor",
            "vulnerabilities",
            "Vulnerabilities",
            opens=Opens(
                """select cve_id, product_name, vulnerability_name, added_on, due_on, is_used_by_ransomware
                   from products.security__vulnerabilities where vendor = $1 order by added_on desc limit 200"""
            ),
        ),
        Chart(
            "Sign-ins per week",
            SIGN_INS,
            """select date_trunc('week', occurred_on)::date as week, outcome, sum(attempts)::bigint as attempts
               from products.security__sign_ins group by all order by all""",
            "columns",
            "week",
            "attempts",
            "Attempts",
            colour="outcome",
        ),
        Chart(
            "Addresses by failed sign-ins",
            SIGN_INS,
            """select address, failed_attempts from products.security__sign_in_sources
               where failed_attempts > 0 order by failed_attempts desc, address limit 10""",
            "bars",
            "address",
            "failed_attempts",
            "Failed attempts",
            opens=Opens(
                """select occurred_at, host, outcome, method, user_name, attempts from products.security__sign_ins
                   where address = $1 order by occurred_at desc limit 200"""
            ),
        ),
    ),
    tables=(
        Listing(
            "Addresses that tried by brute force",
            SIGN_INS,
            """select address, failed_attempts, accepted_attempts, user_count, first_seen_at, last_seen_at
               from products.security__sign_in_sources where is_brute_force
               order by is_accepted_after_brute_force desc, failed_attempts desc limit 10""",
            (
                ("address", "Address", "text"),
                ("failed_attempts", "Failed", "number"),
                ("accepted_attempts", "Let in", "number"),
                ("user_count", "Users tried", "number"),
                ("first_seen_at", "From", "moment"),
                ("last_seen_at", "To", "moment"),
            ),
        ),
    ),
    processes=("suricata_attacks", "cisa_kev_remediation", "syslog_ssh_sessions"),
    products=("security__alerts", "security__vulnerabilities", "security__sign_ins", "security__sign_in_sources"),
)
