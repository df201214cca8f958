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
    Entry("Process", "variants", "Variants", ":material/alt_route:", "the ways cases run, sequences, happy path, coverage"),
    Entry("Process", "cases", "Cases", ":material/folder_open:", "search and list cases; one case as a timeline with its objects"),
    Entry("Process", "conformance", "Conformance", ":material/rule:", "fitness, deviations and their cost, rules, alignments"),
    Entry("Process", "performance", "Performance", ":material/speed:", "bottlenecks, waiting, queues, service levels, spectrum"),
    Entry("Process", "people", "People", ":material/groups:", "handovers, workload, roles, segregation of duties"),
    Entry("Process", "compare", "Compare", ":material/compare_arrows:", "two groups of cases side by side, tested for chance"),
    Entry(
        "Process",
        "prediction",
        "Prediction",
        ":material/crisis_alert:",
        "open cases by risk with reasons, time to go",
    ),
    Entry(
        "By function",
        "executive",
        "Executive",
        ":material/wb_twilight:",
        "morning brief: what changed, what is at risk, what to decide",
    ),
    Entry("By function", "sales", "Sales", ":material/point_of_sale:", "orders, revenue, deliveries, pipeline"),
    Entry(
        "By function",
        "procurement",
        "Procurement",
        ":material/shopping_cart:",
        "spend, suppliers, maverick buying, late deliveries",
    ),
    Entry("By function", "finance", "Finance", ":material/account_balance:", "ageing, working capital, cash, early payments"),
    Entry("By function", "service", "Service", ":material/support_agent:", "tickets, incidents, SLA, backlog"),
    Entry("By function", "security", "Security operations", ":material/security:", "alerts, vulnerabilities, sign-ins"),
    Entry("By function", "it_operations", "IT operations", ":material/dns:", "pipelines, loads, freshness, hosts, failures"),
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
