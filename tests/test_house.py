"""The house rules that a test can hold: layout traps, the import contract, module heads, pins."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("apps", "connectors", "lake", "mining", "models", "orchestration")
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_no_init_file_shadows_streamlit_or_lake() -> None:
    traps = [path for folder in ("apps/streamlit", "tests") for path in (ROOT / folder).rglob("__init__.py")]
    assert traps == []


def test_pytest_imports_tests_by_path() -> None:
    assert "--import-mode=importlib" in CONFIG["tool"]["pytest"]["ini_options"]["addopts"]


def test_dg_finds_the_definitions_at_the_root() -> None:
    assert (ROOT / CONFIG["tool"]["dg"]["project"]["root_module"]).is_dir()


def test_imports_run_one_way() -> None:
    done = subprocess.run([Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_belongs_in_it_and_what_does_not(path: Path) -> None:
    head = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split())
    assert "belongs" in head.lower() and "does not" in head.lower(), "the module docstring names neither"


def test_duckdb_and_its_extensions_are_pinned_to_one_version() -> None:
    pins = [line for line in CONFIG["project"]["dependencies"] if line.startswith("duckdb")]
    assert len({line.split("==")[1] for line in pins}) == 1, pins


def test_the_project_cannot_be_uploaded_by_mistake() -> None:
    assert "Private :: Do Not Upload" in CONFIG["project"]["classifiers"]
    assert CONFIG["project"]["license"] == "AGPL-3.0-or-later"
    assert "AFFERO" in (ROOT / "LICENSE").read_text(encoding="utf-8").upper()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_names_a_machine_path(package: str) -> None:
    named = [
        str(path)
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", ".sql", ".yml", ".yaml", ".css", ".js"}
        and any(word in path.read_text(encoding="utf-8") for word in ("/root/", "/work/", "/home/"))
    ]
    assert named == []
