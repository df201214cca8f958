"""`grimoire discover` on an imported log: one model saved in every form, several compared, and what is refused."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lake
from connectors.event_log_files import import_event_log
from lake.settings import PROJECT_ROOT
from mining import PetriNet, read_bpmn

GRIMOIRE = str(Path(sys.executable).parent / "grimoire")
STEPS = {"1": "abd", "2": "acd", "3": "abcd", "NA": "abd"}


@pytest.fixture(scope="module")
def orders(module_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    rows = [f"{case},{step},2024-01-0{at}T08:00:00Z" for case, steps in STEPS.items() for at, step in enumerate(steps, start=1)]
    file = tmp_path_factory.mktemp("logs") / "orders.csv"
    file.write_text("\n".join(["case,activity,time", *rows]))
    import_event_log(file, name="orders")
    yield


def discover(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [GRIMOIRE, "discover", *words], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=300, check=False
    )


def test_a_model_is_measured_and_saved_in_every_form(orders: None, tmp_path: Path) -> None:
    files = {form: tmp_path / f"model.{form}" for form in ("bpmn", "pnml", "png")}
    done = discover(
        *("orders", "--noise", "0", "--json", "--bpmn", str(files["bpmn"]), "--pnml", str(files["pnml"])),
        *("--picture", str(files["png"])),
    )

    found = json.loads(done.stdout)
    assert (found["is_sound"], found["fitness"]) == (True, 1.0)
    assert PetriNet.from_pnml(files["pnml"].read_text("utf-8")).labels == set("abcd")
    assert {node.name for node in read_bpmn(files["bpmn"].read_text("utf-8")).nodes if node.kind == "task"} == set("abcd")
    assert files["png"].read_bytes().startswith(b"\x89PNG")


def test_models_are_compared_and_the_comparison_is_kept(orders: None) -> None:
    found = json.loads(discover("orders", "--compare", "--json").stdout)

    assert {one["miner"] for one in found["models"]} >= {"inductive", "split", "heuristics", "dfg"}
    assert found["best"] in found["reason"]
    kept = lake.query("select miner from mining.model_comparison where process = 'orders'").fetchall()
    assert {miner for (miner,) in kept} == {one["miner"] for one in found["models"]}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nothing",), "no event log `nothing`"),
        (("orders", "--miner", "magic"), "magic"),
        (("orders", "--picture", "model.gif"), "names no picture"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(orders: None, words: tuple[str, ...], told: str) -> None:
    done = discover(*words)

    assert done.returncode == 1
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
