"""Forecasts (Omens): what is expected of each key figure, with its bands, and how well such forecasts have done.

What belongs here: the page's layout. What does not: the forecasts and the verdict on them (`outlooks`).
"""

from typing import Any

import streamlit as st

from apps.streamlit import charts, figures, look, outlooks
from apps.streamlit.choices import chosen_process
from apps.streamlit.evidence import evidence
from apps.streamlit.exports import About, Part, exports
from apps.streamlit.reading import Rows, noted
from apps.streamlit.wording import amount, day, moment, number, percent, safe, share
from lake.errors import GrimoireError
from models.series import GRAINS


def main() -> None:
    process = chosen_process()
    look.header("Forecasts", kicker="Forecasts · Omens", sub=process.title if process else "")
    known = outlooks.series()
    if not known:
        if process is None:
            look.empty_lake()
        else:
            look.guidance("Nothing forecast yet", "No series of key figures has a forecast. Run:", commands=("grimoire forecast",))
        return
    if process and process.origin == "file":
        st.caption("An imported event log has no key figures of its own; these are the company's.")
    own = {kpi["kpi"] for kpi in figures.kpis_of(process)} if process else set()
    chosen = choose([row for row in known if row["kpi"] in own] or known)
    page(chosen)


def choose(known: Rows) -> dict[str, Any]:
    """The series: key figure, grain, and the member of a dimension where there are forecasts of some."""
    left, middle, two, three = st.columns([2, 1.9, 1.2, 1.4], vertical_alignment="bottom")
    titles = {row["kpi"]: row["title"] or row["kpi"] for row in reversed(known)}  # a total's title comes last and stays
    names = list(dict.fromkeys(row["kpi"] for row in known))
    name = (
        left.selectbox("Key figure", names, format_func=lambda n: titles.get(n, n), key="series", bind="query-params") or names[0]
    )
    of_kpi = [row for row in known if row["kpi"] == name]
    grains = [grain for grain in GRAINS if any(row["grain"] == grain for row in of_kpi)]
    grain = middle.segmented_control(
        "Grain",
        grains,
        default="weekly" if "weekly" in grains else grains[0],
        required=True,
        format_func=str.capitalize,
        key="grain",
    )
    of_grain = [row for row in of_kpi if row["grain"] == grain] or of_kpi
    return member(of_grain, two, three)


def member(of_grain: Rows, left: Any, right: Any) -> dict[str, Any]:
    """The total, or a member; the choice is offered where there is one."""
    dimensions = list(dict.fromkeys(row["dimension"] for row in of_grain))
    if len(dimensions) == 1 and len(of_grain) == 1:
        return of_grain[0]
    dimension = left.selectbox(
        "By", dimensions, format_func=lambda n: "in all" if n == outlooks.TOTAL else n, key="dimension", bind="query-params"
    )
    of_dimension = [row for row in of_grain if row["dimension"] == dimension] or of_grain
    if len(of_dimension) == 1:
        return of_dimension[0]
    members = {row["member"]: row for row in of_dimension}
    chosen = right.selectbox("Member", list(members), key=f"member_{dimension}", bind="query-params")
    return members.get(chosen or "", of_dimension[0])


def page(series: dict[str, Any]) -> None:
    name, grain, unit = series["series"], series["grain"], series["unit"] or ""
    with noted() as asked:
        ahead, past, odd = outlooks.outlook(name, grain), outlooks.history(series), outlooks.anomalies(series)
        compared = outlooks.came(series)
    marks = [{"kind": "anomaly", "period": row["period"], "value": row["actual"], "note": noted_as(row)} for row in odd]
    points = [{"kind": "history", **row} for row in past] + [{"kind": "forecast", **row} for row in ahead] + marks
    values = dated(points)
    says(series, past, ahead)
    charts.show(values, charts.forecast(unit), key="forecast")
    legend(bool(odd))
    look.as_of(series["computed_at"], series["snapshot_id"], what="Forecast")
    tests = outlooks.backtests(name, grain)
    with st.container(horizontal=True):
        evidence(asked, key="evidence_forecast")
        read = f"Forecast as of {moment(series['computed_at'])} from lake snapshot {series['snapshot_id']}."
        exports(
            (
                Part("History and forecast", values, charts.forecast(unit)),
                Part("Forecast against actual", dated(compared), charts.came(unit)),
                Part("Anomalies", odd),
                Part("Backtests", tests),
            ),
            About(series["title"] or name, "Forecasts", (f"{grain.capitalize()}, in {unit or 'no unit'}.", read)),
            key="export_forecast",
        )
    contest(series, tests)
    against(series, compared)
    unexpected(odd, unit)
    suppose(series)
    found = outlooks.windows(name, grain)
    if found:
        with st.expander("Backtest, window by window"):
            shown = [{**row, "window_start": f"{row['window_start']:%Y-%m-%d}"} for row in found]
            charts.show(shown, charts.backtest_windows(), key="windows")
            st.dataframe(shown, hide_index=True, key="window_table")


def dated(found: Rows) -> Rows:
    """The rows with periods as text, and times, too: what a chart takes."""
    return [{name: f"{v:%Y-%m-%d}" if hasattr(v, "strftime") else v for name, v in row.items()} for row in found]


def noted_as(row: dict[str, Any]) -> str:
    expected = f"{number(row['actual'])}, expected {number(row['expected'])}"
    return f"{row['severity']}: {expected}" + (f"; most of it {row['cause_member']}" if row["cause_member"] else "")


def legend(has_anomalies: bool) -> None:
    odd = '<span><i class="gr-status bad"></i>not to be expected</span>' if has_anomalies else ""
    st.html(
        '<div class="gr-legend"><span><i class="swatch" style="background:var(--gr-series-0)"></i>history</span>'
        '<span><i class="swatch" style="background:var(--gr-series-1)"></i>forecast</span>'
        '<span><i class="swatch" style="background:var(--gr-series-2);opacity:.55"></i>80 % band</span>'
        f'<span><i class="swatch" style="background:var(--gr-series-2);opacity:.28"></i>95 % band</span>{odd}</div>'
    )


def against(series: dict[str, Any], compared: Rows) -> None:
    """What earlier forecasts said, and what came."""
    st.subheader("Forecast against actual", anchor=False)
    reason = outlooks.degraded(series)
    if reason:
        look.line(f'<span class="gr-badge warn">To be trained anew</span> {safe(reason)}.')
    if not compared:
        st.caption("No period has come yet that was forecast before it; every forecast is kept, and compared as soon as one has.")
        return
    inside = sum(bool(row["is_inside"]) for row in compared) / len(compared)
    look.line(
        f"<b>{share(inside, digits=0)}</b> of {len(compared)} actuals lay inside the 80 % band of the forecast made before them."
    )
    charts.show(dated(compared), charts.came(series["unit"] or ""), key="came")


def unexpected(odd: Rows, unit: str) -> None:
    if not odd:
        return
    st.subheader("Not to be expected", anchor=False)
    kinds = {"critical": "bad", "warning": "warn"}
    cells = []
    for row in odd[:20]:
        since = f"{row['first_period']:%Y-%m-%d} – " if row["kind"] == "run" else ""
        cause = f"{row['cause_dimension']} {row['cause_member']} ({number(row['cause_gap'])})" if row["cause_member"] else ""
        cells.append(
            [
                safe(f"{since}{row['period']:%Y-%m-%d}"),
                f'<span class="gr-badge {kinds.get(row["severity"], "")}">{safe(row["severity"])}</span>',
                *(safe(amount(row[field], unit)) for field in ("actual", "expected", "gap")),
                safe(cause),
            ]
        )
    heads = (("Period", False), ("", False), ("Came", True), ("Expected", True), ("Gap", True), ("Most of it", False))
    look.table(list(heads), cells)
    if len(odd) > 20:
        st.caption(f"The newest 20 of {len(odd)}; the export holds all.")


def suppose(series: dict[str, Any]) -> None:
    """The scenario form, where the champion knows factors of the key figure."""
    found = outlooks.factors(series)
    if not found:
        return
    st.subheader("What if", anchor=False)
    with st.form(f"scenario_{series['series']}", border=False):
        columns = st.columns(max(3, len(found)))
        changes = {
            factor: where.number_input(f"{factor.replace('_', ' ').capitalize()}, change in %", -100.0, 1000.0, 0.0, 1.0)
            for factor, where in zip(found, columns, strict=False)
        }
        asked = st.form_submit_button("Suppose", icon=":material/experiment:")
    if not asked:
        st.caption(
            "A scenario says what the past's relation between factor and key figure would make of the change; it knows no causes."
        )
        return
    with st.spinner("Asking the model …"):
        try:
            made = outlooks.scenario(series, {name: value for name, value in changes.items() if value})
        except GrimoireError as error:
            look.guidance("This cannot be supposed", error.problem, error.remedy)
            return
    both = (("As things are", made.baseline), ("Supposed", made.scenario))
    values = [
        {"period": f"{period:%Y-%m-%d}", "what": what, "value": float(value)}
        for what, all_values in both
        for period, value in zip(made.periods, all_values, strict=True)
    ]
    charts.show(values, charts.scenario(series["unit"] or ""), key="scenario")
    change = float(made.difference.mean())
    look.line(f"On average <b>{safe(amount(change, series['unit']))}</b> a period against things as they are.")


def says(series: dict[str, Any], past: Rows, ahead: Rows) -> None:
    if not ahead:
        return
    last = ahead[-1]
    was = f"last {safe(amount(past[-1]['value'], series['unit']))} ({safe(day(past[-1]['period']))}); " if past else ""
    expected, until = safe(amount(last["value"], series["unit"])), safe(day(last["period"]))
    band = f"in 80 of 100 cases between {safe(number(last['lower_80']))} and {safe(number(last['upper_80']))}"
    look.line(f"<b>{safe(series['title'])}</b>: {was}expected by {until}: <b>{expected}</b>, {band}.")


def contest(series: dict[str, Any], tests: Rows) -> None:
    """Champion and challenger side by side, and what the backtest says in words."""
    st.subheader("Champion and challenger", anchor=False)
    crowned = outlooks.champion(series["series"], series["grain"]) or {}
    roles = {crowned.get("champion"): ("Champion", "good"), crowned.get("challenger"): ("Challenger", "")}
    if tests:
        cells = []
        for test in tests:
            word, kind = roles.get(test["model"], ("", ""))
            badge = f' <span class="gr-badge {kind}">{word}</span>' if word else ""
            errors = [number(test["mase"]), percent(test["smape"]), share(test["coverage_80"]), share(test["coverage_95"])]
            cells.append([safe(test["model"]) + badge, *map(safe, errors), safe(f"{test['windows']} × {test['horizon']}")])
        heads = ("Scaled error (MASE)", "Error (sMAPE)", "Inside 80 % band", "Inside 95 % band", "Windows × periods")
        look.table([("Model", False), *((head, True) for head in heads)], cells)
    look.line(safe(outlooks.honest_note(tests, series["model"])))
    st.caption(
        "Scaled error (MASE): error in units of the usual change from one season to the next; smaller is better. "
        "A well-made 80 % band holds 80 % of the values to come. "
        "A forecast carries the past on: it knows nothing of a decision nobody has taken yet."
    )
    card(series, crowned)


def card(series: dict[str, Any], crowned: dict[str, Any]) -> None:
    """The model card: what is known of the champion, where it comes from, and why it is champion."""
    facts = {
        "Why it is champion": crowned.get("reason"),
        "Error of the floor (MASE)": number(crowned["floor_mase"]) if crowned.get("floor_mase") is not None else None,
        "Intervals": crowned.get("interval_basis"),
        "Not tried": crowned.get("untried"),
        "Promoted": moment(crowned.get("promoted_at")) if crowned.get("promoted_at") else None,
        "Trained from lake snapshot": crowned.get("snapshot_id"),
        "Code": crowned.get("code_version"),
    }
    cells = [[safe(name), safe(fact)] for name, fact in facts.items() if fact not in (None, "")]
    if cells:
        with st.expander("Model card"):
            look.table([("", False), ("", False)], cells)
    version = f" version {series['model_version']}" if series["model_version"] else ""
    run = f" · MLflow run {crowned['mlflow_run_id']}" if crowned.get("mlflow_run_id") else ""
    st.html(f'<div class="gr-asof">Model {safe(series["model"])}{safe(version)}{safe(run)}</div>')


main()
