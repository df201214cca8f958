"""The quality gate: Great Expectations suites over frames, for rows about to land and for event logs.

What belongs here: which expectations a table or an event log has, running them, and telling good rows from bad. What does not:
writing anything (`connectors.load`) and the tests of what SQL owns (dbt).
"""

import logging
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from lake import connect, quote
from lake.errors import UnknownProcessError
from lake.journal import CheckResult

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

EARLIEST, LATEST = "1990-01-01", "interval 2 years"  # a business's times lie between the first and that long from now
MANY_BAD_ROWS = 0.2  # a larger share of bad rows than this, and of at least `FEW_ROWS`, poisons what follows
FEW_ROWS = 20
Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Rule:
    """One expectation of one column of a frame."""

    name: str  # a sentence, such as `order_id is known in sale_orders`
    expectation: str  # Great Expectations' class
    column: str
    severity: Severity = "error"  # rows that break an error are quarantined
    blocking: bool = False  # a failure stops the whole load
    settings: dict[str, Any] = field(default_factory=dict)
    about: str = ""  # the column whose value explains a failure, where it is another


@dataclass(frozen=True)
class Verdict:
    """What came of a suite: one result per rule, and for each rule the positions of the rows that break it."""

    results: list[CheckResult]
    failing: dict[str, list[int]]  # rule name to row positions, counted from 0


def validate(
    frame: "pd.DataFrame", rules: Sequence[Rule], *, layer: str, subject: str, weights: str | None = None, noun: str = "rows"
) -> Verdict:
    """Runs a suite of rules over a frame with Great Expectations.

    Most rows of a table are alike to the rules; so one frame row stands for all with the same truth values.

    Args:
        frame: Holds every column the rules are about; its index is ignored.
        rules: The suite.
        layer: The lake's schema, for the results.
        subject: The table or process, for the results.
        weights: The column that tells how many rows each frame row stands for; default: one.
        noun: What they are, for the results.
    """
    if frame.empty or not rules:
        return Verdict(unchecked(rules, layer=layer, subject=subject), {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Great Expectations warns of its own plans; the house's warnings are errors
        suite = _suite(f"{layer}.{subject}", rules)
        batch = _batch_definition().get_batch({"dataframe": frame.reset_index(drop=True)})
        outcome = batch.validate(suite, result_format={"result_format": "COMPLETE"})
    import pandas as pd

    by_rule = {result.expectation_config.meta["rule"]: result for result in outcome.results}
    results, failing = [], {}
    stands_for = frame[weights] if weights else pd.Series(1, index=frame.index)
    total = int(stands_for.sum())
    for rule in rules:
        found = by_rule[rule.name]
        positions = sorted(int(position) for position in found.result.get("unexpected_index_list") or [])
        failed = int(stands_for.iloc[positions].sum()) if positions else 0
        results.append(_result(rule, found, total, failed, layer, subject, noun))
        if positions:
            failing[rule.name] = positions
    return Verdict(results, failing)


def _suite(name: str, rules: Sequence[Rule]) -> Any:
    import great_expectations as gx

    expectations = [
        getattr(gx.expectations, rule.expectation)(column=rule.column, meta={"rule": rule.name}, **rule.settings) for rule in rules
    ]
    return gx.ExpectationSuite(name=name, expectations=expectations)


@lru_cache(maxsize=1)
def _batch_definition() -> Any:
    """One ephemeral context per process: making it, and importing the library, is what costs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside Great Expectations
        import great_expectations as gx

        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}  # type: ignore[assignment]  # as documented
        asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
        return asset.add_batch_definition_whole_dataframe("whole")


def _result(rule: Rule, found: Any, rows: int, failed: int, layer: str, subject: str, noun: str) -> CheckResult:
    detail = ""
    if not found.success:
        unexpected = [value for value in found.result.get("partial_unexpected_list") or [] if not isinstance(value, bool)]
        examples = list(dict.fromkeys(str(value) for value in unexpected))[:5]
        problem = found.exception_info.get("exception_message") if isinstance(found.exception_info, dict) else None
        detail = problem or (f"{failed} of {rows} {noun}" + (f", such as {', '.join(examples)}" if examples else ""))
    return CheckResult(layer, subject, rule.name, bool(found.success), rule.severity, rule.blocking, rows, failed, detail)


def unchecked(rules: Sequence[Rule], *, layer: str, subject: str) -> list[CheckResult]:
    """What a suite says when there are no rows."""
    return [CheckResult(layer, subject, rule.name, True, rule.severity, rule.blocking, 0, 0, "no new rows") for rule in rules]


def not_null(column: str, *, severity: Severity = "error", blocking: bool = False) -> Rule:
    """The column is filled in every row."""
    return Rule(f"{column} is filled", "ExpectColumnValuesToNotBeNull", column, severity, blocking, about=column)


def in_set(column: str, values: Iterable[Any], *, severity: Severity = "error") -> Rule:
    """The column holds only these values, or nothing."""
    listed = list(values)
    name = f"{column} is one of {', '.join(map(str, listed))}"
    return Rule(name, "ExpectColumnValuesToBeInSet", column, severity, settings={"value_set": listed}, about=column)


def is_true(column: str, name: str, *, severity: Severity = "error", blocking: bool = False, about: str = "") -> Rule:
    """A condition that SQL computed into a boolean column holds in every row."""
    return Rule(name, "ExpectColumnValuesToBeInSet", column, severity, blocking, {"value_set": [True]}, about)


def plausible_time_sql(column: str) -> str:
    """A SQL condition: the time is missing, or lies in a span a business can have lived through."""
    return f"coalesce({column} between timestamptz '{EARLIEST}' and now() + {LATEST}, true)"


EVENT_LOG_RULES: tuple[Rule, ...] = (
    not_null("case_id", blocking=True),
    not_null("activity", blocking=True),
    not_null("occurred_at", blocking=True),
    is_true("case_id_worded", "case_id is not blank", blocking=True),
    is_true("activity_worded", "activity is not blank"),
    is_true("time_plausible", "occurred_at is plausible (1990 to two years ahead)", severity="warning"),
    is_true("times_ordered", "started_at is not after occurred_at", severity="warning"),
    is_true("row_unique", "case_id and source_row are unique", blocking=True),
)


def check_event_log(process: str, *, connection: "duckdb.DuckDBPyConnection | None" = None) -> list[CheckResult]:
    """Runs the suite every event log has on `event_logs.<process>`, and tells the share of events that tie in time.

    Raises:
        UnknownProcessError: There is no such event log.
    """
    if connection is None:
        with connect(read_only=True) as own:
            return check_event_log(process, connection=own)
    import duckdb

    try:
        frame = (
            connection.execute(
                _EVENT_LOG_SQL.format(log=f"event_logs.{quote(process)}", plausible=plausible_time_sql("occurred_at"))
            )
            .to_arrow_table()
            .to_pandas()
        )
    except duckdb.CatalogException as error:
        raise UnknownProcessError(
            f"There is no event log `{process}`.", remedy="`grimoire processes` lists those there are.", process=process
        ) from error
    events = int(frame["events"].sum())
    verdict = validate(frame, EVENT_LOG_RULES, layer="event_logs", subject=process, weights="events", noun="events")
    return [*verdict.results, _presence(process, events), _ties(process, frame, events)]


_EVENT_LOG_SQL = """
with events as (
    select
        case_id, activity, occurred_at,
        trim(case_id) <> '' as case_id_worded,
        trim(activity) <> '' as activity_worded,
        {plausible} as time_plausible,
        coalesce(started_at <= occurred_at, true) as times_ordered,
        count(*) over (partition by case_id, source_row) = 1 as row_unique,
        count(*) over (partition by case_id, occurred_at) > 1 as ties
    from {log}
)
select
    any_value(case_id) as case_id, any_value(activity) as activity, any_value(occurred_at) as occurred_at,
    case_id_worded, activity_worded, time_plausible, times_ordered, row_unique, ties, count(*) as events
from events
group by case_id is null, activity is null, occurred_at is null,
    case_id_worded, activity_worded, time_plausible, times_ordered, row_unique, ties
"""


def _presence(process: str, events: int) -> CheckResult:
    return CheckResult("event_logs", process, "the log has events", events > 0, "error", True, events, int(events == 0))


def _ties(process: str, frame: "pd.DataFrame", events: int) -> CheckResult:
    tied = int(frame.loc[frame["ties"].fillna(False).astype(bool), "events"].sum())
    share = tied / events if events else 0.0
    detail = f"{share:.1%} of events share their time with another of their case; the recorded order decides"
    return CheckResult("event_logs", process, "events tied in time (information)", True, "warning", False, events, 0, detail)
