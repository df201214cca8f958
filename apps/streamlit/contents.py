"""The table of contents: every page with its section, title and icon.

What belongs here: that list. What does not: showing it (`frame`) and searching it (`search`).
"""

from dataclasses import dataclass

FIRST = "overview"  # what opens at `/`


@dataclass(frozen=True)
class Entry:
    """A page: the name of its file, which is its address too."""

    section: str
    name: str
    title: str
    icon: str
    about: str

    @property
    def path(self) -> str:
        """What Streamlit calls it by."""
        return f"app_pages/{self.name}.py"


PAGES = (
    Entry("Process", "overview", "Overview", ":material/auto_stories:", "volume, throughput, key figures, freshness"),
    Entry("Process", "process_map", "Process map", ":material/account_tree:", "SigilSight: what follows what, how often, how long"),
    Entry("Process", "variants", "Variants", ":material/alt_route:", "the ways cases run, sequences, cases"),
    Entry(
        "Process",
        "prediction",
        "Prediction",
        ":material/crisis_alert:",
        "open cases by risk with reasons, time to go",
    ),
    Entry("Omens", "forecasts", "Forecasts", ":material/trending_up:", "outlook, intervals, champion and challenger"),
    Entry("Data", "data_products", "Data products", ":material/inventory_2:", "catalog, owner, lineage, columns"),
    Entry("Data", "data_quality", "Data quality", ":material/verified:", "checks, quarantine, loads"),
    Entry("Data", "connections", "Connections", ":material/cable:", "sources, last load, dead letters"),
    Entry("Data", "upload", "Upload", ":material/upload_file:", "bring an event log of your own: CSV, XES, Parquet, OCEL"),
    Entry("Data", "sql", "SQL", ":material/terminal:", "ask the lake anything, read-only"),
)


def entry(name: str) -> Entry | None:
    """A page by its name."""
    return next((page for page in PAGES if page.name == name), None)


def sections() -> dict[str, list[Entry]]:
    """The pages by section, both in their order."""
    found: dict[str, list[Entry]] = {}
    for page in PAGES:
        found.setdefault(page.section, []).append(page)
    return found
