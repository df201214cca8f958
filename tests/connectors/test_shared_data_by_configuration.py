"""The public business and security data, landed by connection files alone and counted against what plain Python reads in them."""

import csv
import io
import json
import sqlite3
import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.load import load_source

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no public test data in {SHARED}")

FILES = {
    "incidents": "type: servicenow_csv\naddress: {business}\n",
    "pipeline": "type: crm_csv\naddress: {business}/crm_sales_opportunities\n"
    "resources: [accounts, products, sales_teams, sales_pipeline, {{name: data_dictionary, files: data_dictionary.csv}}]\n",
    "northwind": "type: northwind\naddress: sqlite:///{business}/northwind.sqlite\n",
    "ids": "type: suricata\naddress: {security}\n",
    "kev": "type: cisa_kev\naddress: {security}\n",
    "logs": "type: syslog\naddress: {security}\nresources:\n"
    "- {{name: messages, files: [OpenSSH_2k.log, Linux_2k.log]}}\n- {{name: openstack}}\n",
}


def landed(home: Path, name: str) -> dict[str, int]:
    """Loads a connection from its file; the rows inserted by table. Nothing may be set aside."""
    folder = home / "connections"
    folder.mkdir(exist_ok=True)
    words = FILES[name].format(business=SHARED / "business", security=SHARED / "security")
    (folder / f"{name}.yaml").write_text(words, encoding="utf-8")
    report = load_source(name)
    assert rows("select count(*) from quarantine.rows where source = ?", name) == [(0,)]
    assert sum(table.rows_landed for table in load_source(name).tables) == 0  # nothing is read twice
    return {table.name: table.rows_inserted for table in report.tables}


def rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql, list(values)).fetchall()


def test_the_incidents_of_servicenow_land_with_their_null_words_and_their_days_first(module_home: Path):
    with zipfile.ZipFile(SHARED / "business" / "servicenow_incident_event_log.zip") as archive:
        (member,) = archive.namelist()
        with archive.open(member) as raw:
            there = list(csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8")))
    assert landed(module_home, "incidents") == {"incident_changes": len(there)}
    states = Counter(None if row["incident_state"] == "-100" else row["incident_state"] for row in there)
    assert dict(rows("select incident_state, count(*) from raw_incidents.incident_changes group by 1")) == dict(states)
    unknown = sum(row["caller_id"] == "?" for row in there)
    assert rows(
        "select count(distinct number), count(*) filter (caller_id is null), count(*) filter (caller_id = '?'),"
        " sum(reassignment_count), count(*) filter (made_sla) from raw_incidents.incident_changes"
    ) == [
        (
            len({row["number"] for row in there}),
            unknown,
            0,
            sum(int(row["reassignment_count"]) for row in there),
            sum(row["made_sla"] == "true" for row in there),
        )
    ]
    for column in ("opened_at", "closed_at", "resolved_at", "sys_updated_at"):
        moments = [datetime.strptime(row[column], "%d/%m/%Y %H:%M").replace(tzinfo=UTC) for row in there if row[column] != "?"]
        assert rows(f"select count({column}), min({column}), max({column}) from raw_incidents.incident_changes") == [
            (len(moments), min(moments), max(moments))
        ]


def test_the_crms_files_land_with_blank_accounts_and_two_spellings_of_a_product(module_home: Path):
    folder = SHARED / "business" / "crm_sales_opportunities"
    there = {path.stem: list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))) for path in folder.glob("*.csv")}
    filled = sum(
        any(row) for row in list(csv.reader(io.StringIO((folder / "data_dictionary.csv").read_text(encoding="utf-8"))))[1:]
    )
    expected = {name: len(found) for name, found in there.items()} | {"data_dictionary": filled}
    assert landed(module_home, "pipeline") == expected
    deals = there["sales_pipeline"]
    assert len(deals) == 8_800
    spelled = Counter(row["product"] for row in deals)
    assert dict(rows("select product, count(*) from raw_pipeline.sales_pipeline group by 1")) == dict(spelled)
    assert spelled["GTXPro"] > 0 == spelled["GTX Pro"]
    closed = [datetime.strptime(row["close_date"], "%m/%d/%Y").date() for row in deals if row["close_date"]]
    worth = sum(int(row["close_value"]) for row in deals if row["close_value"])
    assert rows(
        "select count(*) filter (account is null), count(close_date), min(close_date), max(close_date), sum(close_value)"
        " from raw_pipeline.sales_pipeline"
    ) == [(sum(not row["account"] for row in deals), len(closed), min(closed), max(closed), worth)]


def test_northwind_lands_table_by_table(module_home: Path):
    with sqlite3.connect(f"file:{SHARED / 'business' / 'northwind.sqlite'}?mode=ro", uri=True) as source:
        tables = [
            name for (name,) in source.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite%'")
        ]
        expected = sorted(source.execute(f'select count(*) from "{name}"').fetchone()[0] for name in tables)
        freight, shipped = source.execute("select sum(Freight), count(ShippedDate) from Orders").fetchone()
    source.close()
    assert sorted(landed(module_home, "northwind").values()) == expected
    ((found, count),) = rows('select sum("Freight"), count("ShippedDate") from raw_northwind.orders')
    assert (round(float(found), 2), count) == (round(freight, 2), shipped)


def test_suricatas_alerts_land_with_what_is_nested_and_their_offsets(module_home: Path):
    there = json.loads((SHARED / "security" / "suricata_wrccdc_2017_alerts.json").read_text(encoding="utf-8"))
    assert landed(module_home, "ids") == {"events": len(there)}
    signatures = Counter(one["alert"]["signature"] for one in there)
    assert dict(rows("select alert ->> 'signature', count(*) from raw_ids.events group by 1")) == dict(signatures)
    moments = [datetime.fromisoformat(one["timestamp"]) for one in there]
    assert rows("select min(timestamp), max(timestamp), sum(flow_id) from raw_ids.events") == [
        (min(moments), max(moments), sum(one["flow_id"] for one in there))
    ]


def test_cisas_catalogue_lands_whole(module_home: Path):
    catalogue = json.loads((SHARED / "security" / "known_exploited_vulnerabilities.json").read_text(encoding="utf-8"))
    there = catalogue["vulnerabilities"]
    assert landed(module_home, "kev") == {"vulnerabilities": len(there)} == {"vulnerabilities": catalogue["count"]}
    ransom = sum(one["knownRansomwareCampaignUse"] == "Known" for one in there)
    weaknesses = sum(len(one["cwes"]) for one in there)
    assert rows(
        "select count(*) filter (known_ransomware_campaign_use = 'Known'), sum(json_array_length(cwes)),"
        " min(date_added)::varchar, max(due_date)::varchar from raw_kev.vulnerabilities"
    ) == [(ransom, weaknesses, min(one["dateAdded"] for one in there), max(one["dueDate"] for one in there))]


def test_logs_of_ssh_linux_and_openstack_land_line_by_line_and_say_where_a_year_is_inferred(module_home: Path):
    lines = {
        name: (SHARED / "security" / name).read_text(encoding="utf-8").splitlines() for name in ("OpenSSH_2k.log", "Linux_2k.log")
    }
    assert landed(module_home, "logs") == {"messages": 4_000, "openstack": 2_000}
    for name, there in lines.items():
        hosts = Counter(line.split()[3] for line in there)
        assert dict(rows("select host, count(*) from raw_logs.messages where _file = ? group by 1", name)) == dict(hosts)
        found = rows(
            "select _line, strftime(logged_at, '%b %d %H:%M:%S'), message from raw_logs.messages where _file = ? order by 1", name
        )
        assert [(number, at) for number, at, _ in found] == [
            (number, f"{line[:4]}{int(line[4:6]):02}{line[6:15]}") for number, line in enumerate(there, start=1)
        ]
        assert all(message in line for (_, _, message), line in zip(found, there, strict=True))
    assert rows("select bool_and(logged_at_year_is_inferred), max(logged_at) <= now() + interval 1 day from raw_logs.messages") == [
        (True, True)
    ]
    failed = sum("Failed password" in line for line in lines["OpenSSH_2k.log"])
    assert rows("select count(*) from raw_logs.messages where message like '%Failed password%'") == [(failed,)]
    cloud = (SHARED / "security" / "OpenStack_2k.log").read_text(encoding="utf-8").splitlines()
    levels = Counter(line.split()[4] for line in cloud)
    assert dict(rows("select level, count(*) from raw_logs.openstack group by 1")) == dict(levels)
    moments = sorted({" ".join(line.split()[1:3]) for line in cloud})
    found = rows("select count(distinct logged_at), strftime(min(logged_at), '%Y-%m-%d %H:%M:%S.%g') from raw_logs.openstack")
    assert found == [(len(moments), moments[0])]


@pytest.mark.slow
def test_their_event_logs_count_what_the_files_hold(module_home: Path):
    from connectors.connections import connections
    from connectors.dbt_files import faulty_declarations, write_dbt_files
    from lake.dbt_environment import run_dbt

    for name in FILES:
        if not (module_home / "connections" / f"{name}.yaml").exists():
            landed(module_home, name)
    write_dbt_files(connections().values(), ())
    assert faulty_declarations() == {}
    done = run_dbt("build", "--select", "path:generated")
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows("select count(distinct case_id), count(*) from event_logs.incidents_incident_management") == [(24_918, 141_712)]
    deals = rows("select count(engage_date) + count(close_date), count(engage_date) from raw_pipeline.sales_pipeline")
    assert rows("select count(*), count(distinct case_id) from event_logs.pipeline_lead_to_cash") == deals
    assert rows("select count(*) from event_logs.pipeline_lead_to_cash__objects where object_id = 'product:GTXPro'") == [(0,)]
    alerts = rows("select count(*), count(distinct src_ip) from raw_ids.events where event_type = 'alert'")
    assert rows("select count(*), count(distinct case_id) from event_logs.ids_attacks") == alerts
    assert rows("select count(*), count(distinct case_id) from event_logs.kev_remediation") == [(2 * 1_404, 1_404)]
    assert rows(
        "select count(*) > 0, count(distinct case_id) from event_logs.logs_instances where activity = 'Spawn instance'"
    ) == [(True, 22)]
    assert rows("select count(*) from event_logs.logs_ssh_sessions where activity = 'Failed password'") == rows(
        "select count(*) from raw_logs.messages where program like 'sshd%' and message like 'Failed password%'"
    )
    assert rows("select count(distinct case_id) from event_logs.northwind_order_to_cash") == [(830,)]
