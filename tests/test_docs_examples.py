"""The Python in the documents runs: a page's blocks, one after the other, in a home of their own."""

import re
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parent.parent
PURCHASES = """
    select * from (values
        ('P-1', 'Order goods', timestamp '2025-01-06 09:00'), ('P-1', 'Receive goods', timestamp '2025-01-09 14:00'),
        ('P-1', 'Pay invoice', timestamp '2025-02-03 10:00'), ('P-2', 'Order goods', timestamp '2025-01-07 11:00'),
        ('P-2', 'Pay invoice', timestamp '2025-01-20 10:00')
    ) as purchases ("Order", "Step", "When")
"""

TICKETS = """
    select 'T-' || n as case_id, activity, timestamp '2024-01-01 09:00' + interval (n * 7 + hours * (1 + n % 5)) hour as occurred_at
    from range(300) as cases (n),
        (values ('Open', 0), ('Assign', 3), ('Answer', 20), ('Close', 46)) as steps (activity, hours)
    where n < 290 or activity in ('Open', 'Assign')
"""


def blocks(page: Path, language: str = "python") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


PAGES = [page for page in sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]) if blocks(page)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page: Path, grimoire_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (orders,) = blocks(ROOT / "docs" / "event-log-files.md", "csv")
    (tmp_path / "orders.csv").write_text(orders, encoding="utf-8")
    duckdb.sql(PURCHASES).write_parquet(str(tmp_path / "purchases.parquet"))
    duckdb.sql(TICKETS).write_parquet(str(tmp_path / "tickets.parquet"))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for number, block in enumerate(blocks(page), start=1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)
