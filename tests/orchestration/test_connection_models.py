"""A connection file is enough: its tables, models, event log and mined result appear among the definitions and go with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lake.settings import PROJECT_ROOT

pytestmark = pytest.mark.slow
FILE = """
type: sql
address: sqlite:///{path}
resources:
- {{name: orders, key: id}}
views:
  big: "select id, ordered_at from {{orders}} where total > 10"
event_logs:
- name: sales
  case: order
  objects: {{order: {{from: orders, id: id}}}}
  events:
  - {{activity: Order, from: big, at: ordered_at, id: id, objects: {{order: id}}}}
"""
KEYS = "from orchestration.definitions import defs; print(*('/'.join(k.path) for k in defs().resolve_all_asset_keys()), sep='\\n')"


def keys(home: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KEYS],
        env={**os.environ, "GRIMOIRE_HOME": str(home)},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines())


def test_adding_a_connection_adds_its_assets_and_removing_it_takes_them_away(tmp_path: Path) -> None:
    without = keys(tmp_path)
    folder = tmp_path / "connections"
    folder.mkdir()
    (folder / "shop.yaml").write_text(FILE.format(path=tmp_path / "shop.sqlite"))
    log = {f"event_logs/shop_sales{part}" for part in ("", "__events", "__objects", "__event_objects", "__object_objects")}
    assert keys(tmp_path) - without == log | {
        "source/shop/orders",
        "raw/shop/orders",
        "staging/shop/stg_shop__orders",
        "intermediate/shop/int_shop__big",
        "intermediate/shop/int_shop__sales__event_rows",
        "mining/shop_sales",
    }
    (folder / "shop.yaml").unlink()
    assert keys(tmp_path) == without
    assert not (tmp_path / "postgres").exists()
