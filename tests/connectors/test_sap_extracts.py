"""SAP's table extracts: a small company's documents in the shapes SAP writes, made into rows and event logs."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import lake
from connectors.connections import connections
from connectors.dbt_files import faulty_declarations, write_dbt_files
from connectors.load import LoadReport, load_source
from connectors.systems import systems
from lake.dbt_environment import run_dbt

ZONE = ZoneInfo("Europe/Berlin")
CLIENT, COMPANY, YEAR = "100", "1000", "2024"
Row = dict[str, str]


def german(day: date | None) -> str:
    return day.strftime("%d.%m.%Y") if day else "00.00.0000"


def internal(day: date | None) -> str:
    return day.strftime("%Y%m%d") if day else "00000000"


def amount(value: Decimal) -> str:
    """As SAP shows it: 1.234,50-"""
    whole, _, cents = f"{abs(value):,.2f}".partition(".")
    return f"{whole.replace(',', '.')},{cents}{'-' if value < 0 else ''}"


@dataclass
class Company:
    """Orders, deliveries, invoices; purchases, receipts, vendor invoices; and what happened to each."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    sales: list[tuple[str, str, datetime]] = field(default_factory=list)  # case, activity, moment
    purchases: list[tuple[str, str, datetime]] = field(default_factory=list)
    invoices: list[tuple[str, str, datetime]] = field(default_factory=list)

    def add(self, table: str, **values: str) -> None:
        client = {"MANDANT" if table.startswith("CD") else "MANDT": CLIENT}
        self.tables.setdefault(table, []).append({**client, **values})

    def change(
        self, kind: str, document: str, number: int, moment: datetime, table: str, key: str, name: str, old: str, new: str
    ) -> None:
        header = {"OBJECTCLAS": kind, "OBJECTID": document, "CHANGENR": f"{number:010}"}
        self.add("CDHDR", **header, USERNAME="MEIER", UDATE=internal(moment.date()), UTIME=f"{moment:%H%M%S}", TCODE="VA02")
        self.add("CDPOS", **header, TABNAME=table, TABKEY=key, FNAME=name, CHNGIND="U", VALUE_NEW=new, VALUE_OLD=old)

    def sell(self, number: int) -> None:
        order, delivery, bill = f"{4700 + number:010}", f"{80_000_000 + number:010}", f"{90_000_000 + number:010}"
        case, start = f"{CLIENT}/{order}", datetime(2024, 3, 28, 8, 15, tzinfo=ZONE) + timedelta(days=number)  # summer time begins
        worth = Decimal("1234.50") * (-1 if number % 5 == 4 else 1)
        self.add(
            "VBAK",
            VBELN=order,
            ERDAT=german(start.date()),
            ERZET=f"{start:%H:%M:%S}",
            ERNAM="MEIER",
            NETWR=amount(worth),
            WAERK="EUR",
            AUART="TA",
            KUNNR="0000001001",
            VDATU=german(None),
        )
        for item in ("000010", "000020"):
            self.add("VBAP", VBELN=order, POSNR=item, MATNR="000000000000004711", KWMENG="1.000,000", NETWR=amount(worth / 2))
        self.sales.append((case, "Create sales order", start))
        if number % 3 == 0:
            moment = start + timedelta(hours=2)
            self.change("VERKBELEG", order, number * 10, moment, "VBAK", CLIENT + order, "LIFSK", "", "01")
            self.change("VERKBELEG", order, number * 10 + 1, moment + timedelta(hours=1), "VBAK", CLIENT + order, "LIFSK", "01", "")
            self.sales += [(case, "Set delivery block", moment), (case, "Remove delivery block", moment + timedelta(hours=1))]
        if number % 4 == 3:
            return
        moment, issued = start + timedelta(days=1), (start + timedelta(days=2)).date()
        self.add(
            "LIKP",
            VBELN=delivery,
            ERDAT=internal(moment.date()),
            ERZET=f"{moment:%H%M%S}",
            ERNAM="LAGER",
            WADAT_IST=internal(issued),
        )
        for item in ("000010", "000020"):
            self.add("LIPS", VBELN=delivery, POSNR=item, VGBEL=order, VGPOS=item, LFIMG="1.000,000")
        self.sales += [(case, "Create delivery", moment), (case, "Post goods issue", midnight(issued))]
        moment, cleared = start + timedelta(days=3), (start + timedelta(days=20)).date()
        self.add(
            "VBRK",
            VBELN=bill,
            VBTYP="M",
            ERDAT=internal(moment.date()),
            ERZET=f"{moment:%H%M%S}",
            ERNAM="FAKTURA",
            NETWR=amount(worth),
        )
        self.add("VBRP", VBELN=bill, POSNR="000010", VGBEL=delivery, AUBEL=order, AUPOS="000010")
        self.add(
            "BSEG",
            BUKRS=COMPANY,
            BELNR=f"18{number:08}",
            GJAHR=YEAR,
            BUZEI="001",
            KOART="D",
            SHKZG="S",
            VBELN=bill,
            WRBTR=amount(worth),
            AUGDT=internal(cleared if number % 2 else None),
            AUGBL="1400000001",
        )
        self.sales.append((case, "Create invoice", moment))
        if number % 2:
            self.sales.append((case, "Clear invoice", midnight(cleared)))

    def buy(self, number: int) -> None:
        order, invoice, document = f"45{number:08}", f"51{number:08}", f"19{number:08}"
        start = datetime(2024, 5, 2, 9, 30, tzinfo=ZONE) + timedelta(days=number)
        case, paper = f"{CLIENT}/{order}/00010", f"{CLIENT}/{invoice}/{YEAR}"
        asked, ordered = (start - timedelta(days=3)).date(), start.date()
        self.add(
            "EBAN",
            BANFN=f"10{number:08}",
            BNFPO="00010",
            ERDAT=internal(asked),
            ERNAM="BEDARF",
            EBELN=order,
            EBELP="00010",
            FRGDT=internal(None),
        )
        self.add("EKKO", EBELN=order, BUKRS=COMPANY, AEDAT=internal(ordered), ERNAM="EINKAUF", LIFNR="0000002001", WAERS="EUR")
        self.add("EKPO", EBELN=order, EBELP="00010", TXZ01="Schrauben, M4", MENGE="5,000", NETPR="10,00", NETWR="50,00")
        self.purchases += [(case, "Create requisition", midnight(asked)), (case, "Create purchase order", midnight(ordered))]
        moment = start + timedelta(hours=1)
        self.change("EINKBELEG", order, 5_000 + number, moment, "EKPO", f"{CLIENT}{order}00010", "NETPR", "9,00", "10,00")
        self.purchases.append((case, "Change price", moment))
        for kind, at in (("1", start + timedelta(days=2)), ("2", start + timedelta(days=4))):
            self.add(
                "EKBE",
                EBELN=order,
                EBELP="00010",
                ZEKKN="00",
                VGABE=kind,
                GJAHR=YEAR,
                BELNR=f"{kind}0{number:08}",
                BUZEI="0001",
                SHKZG="S",
                CPUDT=internal(at.date()),
                CPUTM=f"{at:%H%M%S}",
                ERNAM="LAGER",
                WRBTR="50,00",
            )
            self.purchases.append((case, "Record goods receipt" if kind == "1" else "Record invoice receipt", at))
        moment, paid = start + timedelta(days=4), (start + timedelta(days=30)).date()
        self.add(
            "RBKP",
            BELNR=invoice,
            GJAHR=YEAR,
            BUKRS=COMPANY,
            CPUDT=internal(moment.date()),
            CPUTM=f"{moment:%H%M%S}",
            USNAM="KREDITOR",
            LIFNR="0000002001",
            WAERS="EUR",
            RMWWR="59,50",
        )
        self.add(
            "RSEG", BELNR=invoice, GJAHR=YEAR, BUZEI="000001", EBELN=order, EBELP="00010", MENGE="5,000", WRBTR="50,00", SHKZG="S"
        )
        self.add(
            "BKPF",
            BUKRS=COMPANY,
            BELNR=document,
            GJAHR=YEAR,
            CPUDT=internal(moment.date()),
            CPUTM=f"{moment:%H%M%S}",
            USNAM="KREDITOR",
            AWTYP="RMRP",
            AWKEY=invoice + YEAR,
        )
        self.add(
            "BSEG",
            BUKRS=COMPANY,
            BELNR=document,
            GJAHR=YEAR,
            BUZEI="001",
            KOART="K",
            SHKZG="H",
            WRBTR="59,50-",
            ZFBDT=internal(moment.date()),
            ZBD1T="14",
            AUGDT=internal(paid),
            AUGBL="1500000001",
        )
        blocked = moment + timedelta(days=1)
        self.change(
            "BELEG", CLIENT + COMPANY + document + YEAR, 7_000 + number, blocked, "BSEG", CLIENT + document, "ZLSPR", "", "R"
        )
        self.purchases.append((case, "Clear invoice", midnight(paid)))
        due = moment.date() + timedelta(days=14)
        self.invoices += [
            (paper, "Enter invoice", moment),
            (paper, "Post accounting document", moment),
            (paper, "Set payment block", blocked),
            (paper, "Payment due", midnight(due)),
            (paper, "Clear invoice", midnight(paid)),
        ]


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def company() -> Company:
    made = Company()
    for number in range(12):
        made.sell(number)
    for number in range(8):
        made.buy(number)
    return made


def write(made: Company, folder: Path) -> None:
    """VBAK and VBAP as lists of SE16 with a header on every page, all else as CSV."""
    for table, rows in made.tables.items():
        names = list(dict.fromkeys(name for row in rows for name in row))
        if table in {"VBAK", "VBAP"}:
            widths = {name: max(len(name), *(len(row.get(name, "")) for row in rows)) for name in names}
            rule = "-" * (sum(widths.values()) + len(names) + 1)
            header = "|" + "|".join(name.ljust(widths[name]) for name in names) + "|"
            lines = [f"Table:          {table}", "Displayed Fields", ""]
            for at, row in enumerate(rows):
                lines += [rule, header, rule] if at % 5 == 0 else []
                lines.append("|" + "|".join(row.get(name, "").rjust(widths[name]) for name in names) + "|")
            (folder / f"{table}.txt").write_text("\r\n".join([*lines, rule, ""]), encoding="cp1252")
        else:
            body = [";".join(row.get(name, "") for name in names) for row in rows]
            (folder / f"{table}_20240630.csv").write_text("\n".join([";".join(names), *body, ""]), encoding="utf-8")


@pytest.fixture(scope="module")
def sap(module_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Company, LoadReport]:
    folder = tmp_path_factory.mktemp("extracts")
    made = company()
    write(made, folder)
    (module_home / "connections").mkdir()
    (module_home / "connections" / "sap.yaml").write_text(f"type: sap\naddress: {folder}\ntime_zone: Europe/Berlin\n")
    return made, load_source("sap")


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_table_of_the_system_lands_whole(sap: tuple[Company, LoadReport]):
    made, report = sap
    assert {table.name: table.rows_inserted for table in report.tables} == {
        name.lower(): len(found) for name, found in made.tables.items()
    }
    assert {table.name for table in report.tables} == {resource["name"] for resource in systems()["sap"]["resources"]}
    assert sum(table.rows_quarantined for table in report.tables) == 0


def test_keys_keep_their_zeros_amounts_their_signs_and_moments_their_zone(sap: tuple[Company, LoadReport]):
    made, _ = sap
    assert rows("select min(vbeln), sum(netwr)::varchar, count(vdatu) from raw_sap.vbak") == [
        ("0000004700", str(Decimal("1234.50") * 8), 0)  # two of twelve are negative
    ]
    assert rows("select distinct matnr, kwmeng::varchar from raw_sap.vbap") == [("000000000000004711", "1000.000")]
    moments = [moment for _, activity, moment in made.sales if activity == "Create sales order"]
    assert rows("select created_at from raw_sap.vbak order by vbeln") == [(moment,) for moment in moments]
    assert {moment.utcoffset() for moment in moments} == {timedelta(hours=1), timedelta(hours=2)}
    assert sum(table.rows_landed for table in load_source("sap").tables) == 0


@pytest.mark.slow
def test_its_documents_and_changes_become_three_processes(sap: tuple[Company, LoadReport]):
    made, _ = sap
    write_dbt_files(connections().values(), ())
    assert faulty_declarations() == {}
    done = run_dbt("build", "--select", "path:generated")
    assert done.returncode == 0, done.stdout + done.stderr
    for log, expected in (("order_to_cash", made.sales), ("purchase_to_pay", made.purchases), ("accounts_payable", made.invoices)):
        found = rows(f"select case_id, activity, occurred_at from event_logs.sap_{log} order by all")
        assert found == sorted(expected)
