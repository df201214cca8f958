"""What a training shows of itself, without MLflow."""

from pathlib import Path
from xml.etree import ElementTree

from models.evidence import MOST_BARS, write_evidence

FACTS = {"snapshot_id": 3, "code_version": "1", "country": "DE", "budget_seconds": 1.0, "seconds": 1.0}
SVG = "{http://www.w3.org/2000/svg}"


def champion(name: str, mase: float, floor: float | None) -> dict[str, object]:
    coverage = {"coverage_80": None, "coverage_95": None}
    return {"series": name, "grain": "daily", "champion": "theta", "champion_mase": mase, "floor_mase": floor, **coverage}


def plot(folder: Path, rows: list[dict[str, object]]) -> ElementTree.Element:
    write_evidence(folder, [], rows, facts=FACTS)
    return ElementTree.fromstring((folder / "errors.svg").read_text())


def test_the_plot_shows_the_worst_series_first_to_scale_and_the_floor_where_it_was_measured(tmp_path: Path) -> None:
    picture = plot(tmp_path, [champion("good", 0.5, 1.0), champion("<R&D>", 2.0, 2.5), champion("young", 1.0, None)])
    labels = [text.text for text in picture.iter(f"{SVG}text") if text.get("text-anchor") == "end"]
    assert labels == ["<R&D> (daily): theta", "young (daily): theta", "good (daily): theta"]
    bars = [float(bar.get("width", 0)) for bar in picture.iter(f"{SVG}rect") if bar.get("height") == "10"]
    assert bars == [bars[0], bars[0] / 2, bars[0] / 4]
    _, *dots = [float(dot.get("cx", 0)) for dot in picture.iter(f"{SVG}circle")]  # the first is the legend's
    left = next(float(bar.get("x", 0)) for bar in picture.iter(f"{SVG}rect") if bar.get("height") == "10")
    assert [round((dot - left) / bars[0], 2) for dot in dots] == [1.25, 0.5]
    assert max(dots) <= float(picture.get("width", 0))


def test_the_plot_is_bounded_and_stands_without_any_error(tmp_path: Path) -> None:
    many = plot(tmp_path, [champion(f"s{n}", n / 100, n / 90) for n in range(3 * MOST_BARS)])
    assert sum(bar.get("height") == "10" for bar in many.iter(f"{SVG}rect")) == MOST_BARS
    assert plot(tmp_path, [champion("exact", 0.0, 0.0)]).tag == f"{SVG}svg"
    assert plot(tmp_path, []).tag == f"{SVG}svg"


def test_the_plot_is_xml_whatever_series_are_called_and_leaves_out_what_is_no_number(tmp_path: Path) -> None:
    champions = [champion(f"a\x01b <{n}>", mase, None) for n, mase in enumerate((0.5, float("nan"), float("inf")))]
    texts = [text for text in plot(tmp_path, champions).itertext() if "<" in text]
    assert len(texts) == 1
    assert texts[0].startswith("ab <0>")
