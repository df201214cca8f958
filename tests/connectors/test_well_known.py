"""Exported files that a domain waits for: found by their names, connected as the domain expects, and counted in its products."""

import json
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

import lake
import lake.journal
from connectors.connections import connections
from connectors.load import load_source
from connectors.well_known import WELL_KNOWN, connect_files
from lake.dbt_environment import DBT_PROJECT
from lake.errors import ConnectionFileError


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_the_names_are_those_that_the_dbt_project_reads() -> None:
    words = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    assert {value for name, value in words.items() if name.endswith("_connection")} == set(WELL_KNOWN)


def test_files_are_found_below_the_folder_and_only_their_tables_are_connected(grimoire_home: Path, tmp_path: Path) -> None:
    (tmp_path / "ids").mkdir()
    (tmp_path / "ids" / "eve-1.json").touch()
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "OpenSSH_2k.log").touch()
    found = connect_files(tmp_path)
    assert [one.name for one in found.added] == ["suricata", "syslog"]
    assert found.without_files == ["servicenow", "cisa_kev"]
    made = connections()
    assert made["suricata"].address == str(tmp_path / "ids")
    assert [one.name for one in made["syslog"].resources] == ["messages"]


def test_a_connection_that_is_there_stays_as_it_is(grimoire_home: Path, tmp_path: Path) -> None:
    (tmp_path / "eve.json").touch()
    connect_files(tmp_path)
    before = (grimoire_home / "connections" / "suricata.yaml").read_text()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "eve.json").touch()
    (tmp_path / "more" / "eve-2.json").touch()
    again = connect_files(tmp_path)
    assert (again.added, again.there_already) == ([], ["suricata"])
    assert (grimoire_home / "connections" / "suricata.yaml").read_text() == before


def test_a_folder_that_is_not_there_or_holds_nothing_of_use_is_told_apart(grimoire_home: Path, tmp_path: Path) -> None:
    with pytest.raises(ConnectionFileError, match="There is no folder"):
        connect_files(tmp_path / "nowhere")
    (tmp_path / "letter.txt").touch()
    with pytest.raises(ConnectionFileError, match="None of the files"):
        connect_files(tmp_path)
    assert not (grimoire_home / "connections").exists()


@pytest.mark.slow
def test_the_products_count_what_the_public_files_hold(grimoire_home: Path, shared_data: Path) -> None:
    from connectors.dbt_files import write_dbt_files
    from lake.dbt_environment import run_dbt

    connect_files(shared_data)
    for name in WELL_KNOWN:
        load_source(name)
    write_dbt_files(connections().values())
    with lake.connect() as connection:
        lake.journal.ensure_platform_tables(connection)
    selected = [f"+path:models/products/{domain}" for domain in ("security", "it_operations", "platform")]
    selected.append("+service__incidents")  # its tickets are another system's
    done = run_dbt("build", "--select", *selected)
    assert done.returncode == 0, done.stdout + done.stderr

    with zipfile.ZipFile(shared_data / "business" / "servicenow_incident_event_log.zip") as archive:
        lines = archive.read(archive.namelist()[0]).decode().splitlines()
    assert rows("select count(*) from products.service__incidents") == [(len({line.partition(",")[0] for line in lines[1:]}),)]
    alerts = json.loads((shared_data / "security" / "suricata_wrccdc_2017_alerts.json").read_text())
    severities = Counter(one["alert"]["severity"] for one in alerts)
    assert dict(rows("select severity, count(*) from products.security__alerts group by 1")) == dict(severities)
    catalogue = json.loads((shared_data / "security" / "known_exploited_vulnerabilities.json").read_text())["vulnerabilities"]
    ransom = sum(one["knownRansomwareCampaignUse"] == "Known" for one in catalogue)
    assert rows("select count(*), count(*) filter (is_used_by_ransomware) from products.security__vulnerabilities") == [
        (len(catalogue), ransom)
    ]
    logs = {name: (shared_data / "security" / name).read_text() for name in ("OpenSSH_2k.log", "Linux_2k.log", "OpenStack_2k.log")}
    assert rows("select count(*) from products.it_operations__events") == [(sum(map(len, map(str.splitlines, logs.values()))),)]
    check_sign_ins(logs)


def check_sign_ins(logs: dict[str, str]) -> None:
    """Compares the sign-ins of both SSH logs with what Python's regular expressions find."""
    failed = re.findall(r"(?:repeated (\d+) times: \[ )?Failed \S+ for .*? from (\S+) port", logs["OpenSSH_2k.log"])
    by_address = Counter()
    for repeats, address in failed:
        by_address[address] += int(repeats or 1)
    from_ssh = "select address, sum(attempts) from products.security__sign_ins where outcome = 'failed' and {} group by 1"
    assert dict(rows(from_ssh.format("method <> 'pam'"))) == dict(by_address)
    by_pam = Counter(re.findall(r"sshd\(pam_unix\)\[\d+\]: authentication failure;.*?rhost=(\S+)", logs["Linux_2k.log"]))
    assert dict(rows(from_ssh.format("method = 'pam'"))) == dict(by_pam)
    assert rows(
        "select max_by(address, failed_attempts), bool_or(is_brute_force) filter (failed_attempts < 5)"
        " from products.security__sign_in_sources"
    ) == [((by_address + by_pam).most_common(1)[0][0], False)]
    suspects = len(re.findall("POSSIBLE BREAK-IN ATTEMPT", logs["OpenSSH_2k.log"]))
    assert rows("select sum(break_in_warnings) from products.security__sign_in_sources") == [(suspects,)]
