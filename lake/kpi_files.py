"""KPIs as they are declared: the `<kpi>.kpi.yaml` files beside the data products, read, checked and made into models of dbt.

What belongs here: what such a file may say, and the SQL of its rows. What does not: adding them up by period (the dbt model
`kpis__series`, which is the same for all KPIs) and forecasting them (models).

The two models made of the files lie in HOME/dbt/project/compiled and are never edited by hand. A file that cannot be used stops the
build and is named with its field: a KPI that silently had no rows would be worse.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lake.errors import KpiFileError
from lake.settings import PROJECT_ROOT, Settings, get_settings
from lake.sql_text import as_text

OWN = PROJECT_ROOT / "dbt_project" / "kpis"
PRODUCTS = PROJECT_ROOT / "dbt_project" / "models" / "products"
SUFFIX = ".kpi.yaml"
COMPILED = "compiled"  # dbt_project.yml names it among the model paths
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.99)  # kpis__series.sql computes these
TOTAL = "total"  # dimension and member of a series that is nobody's part
REMEDY = "docs/kpi-series.md lists every field."
NAME = re.compile(r"[a-z][a-z0-9_]*")
_FORBIDDEN = re.compile(r"\{\{|\{%|\{#|--|/\*|;")  # dbt would run what stands in braces; the rest would end the expression

Grain = Literal["daily", "weekly", "monthly"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WORKING_WEEK: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday")


class KpiCalendar(BaseModel):
    """On which days the company works."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weekdays: tuple[Weekday, ...] = WORKING_WEEK
    holidays: str | None = None  # a country, DE, or a part of one, DE-NW
    closed: tuple[str, ...] = ()  # days off besides: dates, or days of every year (12-24)


class Dimension(BaseModel):
    """By what a KPI is split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str  # SQL over the source's columns
    grains: tuple[Grain, ...] | None = None  # None: those of the KPI
    most_members: int = Field(default=12, ge=1, le=500)  # the ones with the most rows; the rest is called `other`


class Kpi(BaseModel):
    """One KPI: a measure of a data product, its periods and parts, and what a period without rows means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kpi: str
    title: str = Field(min_length=1)
    unit: str = Field(min_length=1)
    domain: str = Field(min_length=1)
    higher_is_better: bool
    headline: bool = False  # whether it stands in kpis__daily and kpis__weekly, which pages show
    source: str = Field(alias="from")  # a dbt model
    day: str | None = None  # SQL: the date a row counts for
    moment: str | None = None  # or its time, whose day is the company's
    opens: str | None = None  # or the times between which a row is open
    closes: str | None = None
    measure: str = "1"  # SQL over one row
    where: str | None = None
    aggregation: Literal["sum", "mean", "last", "quantile"]
    quantile: float | None = None
    grains: tuple[Grain, ...] = ("daily", "weekly", "monthly")
    dimensions: dict[str, Dimension] = {}
    missing: Literal["zero", "carry", "interpolate", "none"]
    calendar: KpiCalendar | None = None
    regressors: dict[str, str] = {}  # factor of a scenario to the KPI that carries it

    @field_validator("kpi", "source")
    @classmethod
    def _named(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError(f"`{name}` is no name: small letters, digits and underscores, a letter first")
        return name

    @field_validator("day", "moment", "opens", "closes", "measure", "where")
    @classmethod
    def _expression(cls, text: str | None) -> str | None:
        if text is not None and (not text.strip() or _FORBIDDEN.search(text)):
            raise ValueError(f"`{text}` is not one SQL expression")
        return text

    @field_validator("measure", mode="before")
    @classmethod
    def _number_or_text(cls, measure: Any) -> Any:
        return str(measure) if isinstance(measure, int | float) and not isinstance(measure, bool) else measure

    @field_validator("dimensions", mode="before")
    @classmethod
    def _column_or_more(cls, dimensions: Any) -> Any:
        if not isinstance(dimensions, dict):
            return dimensions
        return {name: {"column": one} if isinstance(one, str) else one for name, one in dimensions.items()}

    @field_validator("dimensions")
    @classmethod
    def _dimensions_named(cls, dimensions: dict[str, Dimension]) -> dict[str, Dimension]:
        for name, one in dimensions.items():
            if not NAME.fullmatch(name) or name == TOTAL:
                raise ValueError(f"`{name}` cannot be a dimension's name")
            cls._expression(one.column)
        return dimensions

    @field_validator("grains")
    @classmethod
    def _some_grain(cls, grains: tuple[Grain, ...]) -> tuple[Grain, ...]:
        if not grains or len(set(grains)) < len(grains):
            raise ValueError("name each grain once, and one at least")
        return grains

    @model_validator(mode="after")
    def _one_time(self) -> "Kpi":
        said = [name for name in ("day", "moment", "opens") if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError("say one of `day`, `moment` and `opens`" + (f", not {' and '.join(said)}" if said else ""))
        if (self.opens is None) != (self.closes is None):
            raise ValueError("`opens` and `closes` belong together")
        if self.opens is not None and self.aggregation != "last":
            raise ValueError("what opens and closes is counted at a period's end: say `aggregation: last`")
        return self

    @model_validator(mode="after")
    def _quantile_of_quantiles(self) -> "Kpi":
        if (self.aggregation == "quantile") != (self.quantile is not None):
            raise ValueError("`aggregation: quantile` and `quantile` belong together")
        if self.quantile is not None and self.quantile not in QUANTILES:
            raise ValueError(f"`quantile` is one of {', '.join(map(str, QUANTILES))}")
        return self

    @model_validator(mode="after")
    def _dimensions_have_its_grains(self) -> "Kpi":
        for name, one in self.dimensions.items():
            if more := set(one.grains or ()) - set(self.grains):
                raise ValueError(f"dimension `{name}` has the grain {min(more)}, which the KPI has not")
        return self

    @property
    def kind(self) -> str:
        """How kpis__series adds up: `change` where rows open and close, else the aggregation."""
        return "change" if self.opens is not None else self.aggregation


def kpi_files(settings: Settings | None = None) -> list[Path]:
    """The files of the project, then those in HOME/kpis."""
    own = (settings or get_settings()).home / "kpis"
    return [*sorted(OWN.glob(f"*{SUFFIX}")), *sorted(own.glob(f"*{SUFFIX}"))]


def kpis(settings: Settings | None = None) -> list[Kpi]:
    """Every declared KPI.

    Raises:
        KpiFileError: A file is no YAML, a field is wrong or missing, a name is taken or not the file's, or a regressor is no KPI.
    """
    found: dict[str, Kpi] = {}
    for path in kpi_files(settings):
        kpi = read_kpi(path)
        if kpi.kpi in found:
            raise KpiFileError(f"{path.name} declares a KPI that there is already: {kpi.kpi}.", remedy="Give it another name.")
        found[kpi.kpi] = kpi
    for kpi in found.values():
        for factor, regressor in kpi.regressors.items():
            if regressor not in found or regressor == kpi.kpi:
                raise _faulty(f"{kpi.kpi}{SUFFIX}", [f"regressors.{factor}: there is no other KPI `{regressor}`"])
    return list(found.values())


def read_kpi(path: Path) -> Kpi:
    """Reads one file; KpiFileError names it and every field that is wrong."""
    import yaml

    try:
        words = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 — safe
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise KpiFileError(f"{path.name} is not YAML: {error}", remedy="Mend the file at that line.", path=str(path)) from error
    if not isinstance(words, dict):
        raise _faulty(path.name, ["it holds no `key: value` lines"])
    try:
        kpi = Kpi.model_validate(words)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors()
        ]
        raise _faulty(path.name, faults) from error
    if path.name != f"{kpi.kpi}{SUFFIX}":
        raise _faulty(path.name, [f"kpi: the file of `{kpi.kpi}` is called {kpi.kpi}{SUFFIX}"])
    return kpi


def _faulty(name: str, faults: list[str]) -> KpiFileError:
    return KpiFileError(f"{name} cannot be used: {'; '.join(faults)}.", remedy=REMEDY, faults=faults)


def compile_kpis(folder: Path, settings: Settings | None = None) -> bool:
    """Brings the two models made of the files up to date and tells whether they changed; cheap when nothing did.

    Args:
        folder: The dbt project's folder.
        settings: Default: the process's settings.

    Raises:
        KpiFileError: A file cannot be used.
    """
    declared = kpis(settings)
    wanted = {"int_kpis__definitions.sql": _definitions_sql(declared), "int_kpis__measures.sql": _measures_sql(declared)}
    place = folder / COMPILED / "intermediate" / "kpis"
    changed = [name for name, text in wanted.items() if not _holds(place / name, text)]
    if changed:
        check_columns(declared)
        place.mkdir(parents=True, exist_ok=True)
    for name in changed:
        _replace(place / name, wanted[name])
    return bool(changed)


def check_columns(declared: Iterable[Kpi]) -> None:
    """Raises KpiFileError where an expression is not SQL over its source's columns, as far as the project describes those."""
    for kpi in declared:
        columns = _product_columns(kpi.source)
        faults = [fault for field, text in _expressions(kpi) for fault in _faults_of(field, text, columns)]
        if faults:
            raise _faulty(f"{kpi.kpi}{SUFFIX}", faults)


def _expressions(kpi: Kpi) -> list[tuple[str, str]]:
    plain = [(name, getattr(kpi, name)) for name in ("day", "moment", "opens", "closes", "measure", "where")]
    parts = [(f"dimensions.{name}.column", one.column) for name, one in kpi.dimensions.items()]
    return [(field, text) for field, text in [*plain, *parts] if text is not None]


def _faults_of(field: str, text: str, columns: set[str] | None) -> list[str]:
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(f"select {text}", dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        return [f"{field}: `{text}` is not one SQL expression"]
    if (
        not isinstance(tree, exp.Select)
        or len(tree.expressions) != 1
        or len(list(tree.find_all(exp.Query))) > 1
        or tree.args.get("from_")
    ):
        return [f"{field}: `{text}` is not one SQL expression"]
    if tree.find(exp.AggFunc, exp.Window):
        return [f"{field}: `{text}` sums up several rows; `aggregation` says how rows are added up"]
    named = {column.name.lower() for column in tree.find_all(exp.Column)}
    return [f"{field}: there is no column `{name}`" for name in sorted(named - columns)] if columns is not None else []


def _product_columns(name: str) -> set[str] | None:
    """Columns of a product of the project in small letters; None where another model is meant, which only dbt knows."""
    import yaml

    path = next(PRODUCTS.glob(f"*/{name}.yml"), None)
    if path is None:
        return None
    (model,) = (one for one in yaml.safe_load(path.read_text(encoding="utf-8"))["models"] if one["name"] == name)
    return {column["name"].lower() for column in model["columns"]}


def _definitions_sql(declared: Iterable[Kpi]) -> str:
    """A row for every KPI, dimension and grain."""
    rows = [
        (kpi.kpi, kpi.title, kpi.unit, kpi.domain, kpi.higher_is_better, kpi.headline, kpi.kind, kpi.quantile, kpi.missing,
         dimension, most, grain)
        for kpi in declared
        for dimension, most, grains in _dimensions(kpi)
        for grain in grains
    ]  # fmt: skip
    columns = "kpi, title, unit, domain, higher_is_better, is_headline, kind, quantile, missing, dimension, most_members, grain"
    values = ",\n    ".join(f"({', '.join(_literal(value) for value in row)})" for row in rows)
    return f"-- Made of the files *{SUFFIX}.\nwith final ({columns}) as (\n    values\n    {values}\n)\n\nselect * from final\n"


def _dimensions(kpi: Kpi) -> list[tuple[str, int, tuple[Grain, ...]]]:
    """Each dimension with how many members it shows, and its grains; the total first."""
    split = [(name, one.most_members, one.grains or kpi.grains) for name, one in kpi.dimensions.items()]
    return [(TOTAL, 1, kpi.grains), *split]


def _measures_sql(declared: Iterable[Kpi]) -> str:
    """What every row of a source adds to a KPI and to each of its parts."""
    return f"-- Made of the files *{SUFFIX}.\n" + "\nunion all\n".join(part for kpi in declared for part in _rows(kpi))


def _rows(kpi: Kpi) -> list[str]:
    if kpi.opens is None:
        day = f"{{{{ company_day({_jinja(kpi.moment)}) }}}}" if kpi.moment is not None else f"cast({kpi.day} as date)"
        return [_select(kpi, day, kpi.measure)]
    opened, closed = (f"{{{{ company_day({_jinja(moment)}) }}}}" for moment in (kpi.opens, kpi.closes))
    return [_select(kpi, opened, kpi.measure), _select(kpi, closed, f"-({kpi.measure})")]


def _select(kpi: Kpi, day: str, measure: str) -> str:
    parts = [(_literal(TOTAL), _literal(TOTAL))] + [
        (_literal(name), f"coalesce(cast({one.column} as varchar), 'unknown')") for name, one in kpi.dimensions.items()
    ]
    structs = ", ".join(f"{{'dimension': {name}, 'member': {member}}}" for name, member in parts)
    where = f"\n    where {kpi.where}" if kpi.where else ""
    return (
        f"select kpi, part.dimension as dimension, part.member as member, day, measure\nfrom (\n"
        f"    select {_literal(kpi.kpi)} as kpi, {day} as day, cast({measure} as double) as measure, unnest([{structs}]) as part\n"
        f"    from {{{{ ref('{kpi.source}') }}}}{where}\n)\nwhere day is not null\n"
    )


def _literal(value: object) -> str:
    if value is None:
        return "cast(null as double)"
    return str(value).lower() if isinstance(value, bool | int | float) else as_text(value)


def _jinja(text: str | None) -> str:
    return '"' + (text or "").replace("\\", "\\\\").replace('"', '\\"') + '"'


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _replace(path: Path, text: str) -> None:
    from lake.whole_files import written_whole

    with written_whole(path) as fresh:
        fresh.write_text(text, encoding="utf-8")
