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
    chosen = choose([row for row in known if row["series"] in own] or known)
    page(chosen)


def choose(known: Rows) -> dict[str, Any]:
    left, right, _ = st.columns([2, 1, 2], vertical_alignment="bottom")
    names = list(dict.fromkeys(row["series"] for row in known))
    titles = {row["series"]: row["title"] or row["series"] for row in known}
    name = (
        left.selectbox("Key figure", names, format_func=lambda n: titles.get(n, n), key="series", bind="query-params") or names[0]
    )
    grains = {row["grain"]: row for row in known if row["series"] == name}
    grain = right.segmented_control(
        "Grain",
        list(grains),
        default="weekly" if "weekly" in grains else next(iter(grains)),
        required=True,
        format_func=str.capitalize,
        key="grain",
    )
    return grains.get(grain or "", next(iter(grains.values())))


def page(series: dict[str, Any]) -> None:
    name, grain, unit = series["series"], series["grain"], series["unit"] or ""
    with noted() as asked:
        ahead, past = outlooks.outlook(name, grain), outlooks.history(name, grain)
    points = [{"kind": "history", **row} for row in past] + [{"kind": "forecast", **row} for row in ahead]
    values = [{**point, "period": f"{point['period']:%Y-%m-%d}"} for point in points]
    says(series, past, ahead)
    charts.show(values, charts.forecast(unit), key="forecast")
    st.html(
        '<div class="gr-legend"><span><i class="swatch" style="background:var(--gr-series-0)"></i>history</span>'
        '<span><i class="swatch" style="background:var(--gr-series-1)"></i>forecast</span>'
        '<span><i class="swatch" style="background:var(--gr-series-2);opacity:.55"></i>80 % band</span>'
        '<span><i class="swatch" style="background:var(--gr-series-2);opacity:.28"></i>95 % band</span></div>'
    )
    look.as_of(series["computed_at"], series["snapshot_id"], what="Forecast")
    tests = outlooks.backtests(name, grain)
    with st.container(horizontal=True):
        evidence(asked, key="evidence_forecast")
        read = f"Forecast as of {moment(series['computed_at'])} from lake snapshot {series['snapshot_id']}."
        exports(
            (Part("History and forecast", values, charts.forecast(unit)), Part("Backtests", tests)),
            About(series["title"] or name, "Forecasts", (f"{grain.capitalize()}, in {unit or 'no unit'}.", read)),
            key="export_forecast",
        )
    contest(series, tests)
    found = outlooks.windows(name, grain)
    if found:
        with st.expander("Backtest, window by window"):
            shown = [{**row, "window_start": f"{row['window_start']:%Y-%m-%d}"} for row in found]
            charts.show(shown, charts.backtest_windows(), key="windows")
            st.dataframe(shown, hide_index=True, key="window_table")


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
    version = f" version {series['model_version']}" if series["model_version"] else ""
    run = f" · MLflow run {crowned['mlflow_run_id']}" if crowned.get("mlflow_run_id") else ""
    st.html(f'<div class="gr-asof">Model {safe(series["model"])}{safe(version)}{safe(run)}</div>')


main()
