"""Prediction: the open cases by risk with reasons in words, and how far the model that says so can be trusted.

What belongs here: the page's layout. What does not: its figures and words (`predictions`).
"""

from typing import Any

import streamlit as st

from apps.streamlit import look, prediction_charts, predictions
from apps.streamlit.cards import Card, cards
from apps.streamlit.choices import PROCESS, own_key
from apps.streamlit.evidence import evidence
from apps.streamlit.exports import Part
from apps.streamlit.pages import View, about_process
from apps.streamlit.predictions import DAY, OUTCOMES, TARGETS
from apps.streamlit.reading import Rows, noted
from apps.streamlit.wording import count, day, duration, moment, safe, share

ORDERS = {
    "risk": "Highest risk",
    **{name: f"Risk: {title.lower()}" for name, title in OUTCOMES.items()},
    "remaining": "Longest to go",
}


def page(view: View) -> None:
    process, stack, at = view.process, view.stack, view.as_of
    with noted() as asked:
        known = predictions.size(process, stack, as_of=at)
        if known is None:
            nothing(view)
            return
        measures = predictions.measures(process, as_of=at)
    st.html(cards(headline(known, measures)))
    with noted() as of_cases:
        rows = at_risk(view, known)
    look.as_of(known["computed_at"], known["snapshot_id"], what="Predicted")
    tables = quality(view, measures)
    with st.container(horizontal=True):
        evidence([*asked, *of_cases], key="evidence_prediction")
        view.export(Part("Open cases", rows), *tables, kicker="Prediction")


def nothing(view: View) -> None:
    """Why there is nothing, and what to run."""
    reason = predictions.skipped(view.process, as_of=view.as_of)
    if reason:
        look.guidance("This log cannot be learnt from", reason)
    elif view.stack and predictions.size(view.process, as_of=view.as_of):
        look.guidance("No open case passes these filters", "Remove one in the bar above, or undo the last change.")
    else:
        words = "Nothing has been predicted of this process, or none of its cases is open. Run:"
        look.guidance("No prediction yet", words, commands=(f"grimoire predict {view.process}",))


def headline(known: dict[str, Any], measures: Rows) -> list[Card]:
    """How many are open and at risk, and the error of the remaining time beside its floor."""
    of_time = {row["measure"]: row for row in measures if row["target"] == "remaining_time"}
    at_risk_share = share(known["at_risk"] / known["cases"])
    found = [
        Card("Open cases", count(known["cases"])),
        Card("More likely than not to end badly", count(known["at_risk"]), against=f"{at_risk_share} of them"),
        Card("Median time to go", _days(known["remaining_days"])),
    ]
    if error := of_time.get("mae_days"):
        floor, value = error["floor"], error["value"] if error["value"] is not None and error["is_served"] else error["floor"]
        words = f"floor: {_days(floor)}"
        found.append(Card("Usual error of the time to go", _days(value), against=words))
    if covered := of_time.get("coverage_80"):
        found.append(Card("Inside the 80 % interval", share(covered["value"]), against="of cases it had never seen"))
    return found


def at_risk(view: View, known: dict[str, Any]) -> Rows:
    """The open cases, and the one chosen."""
    st.subheader("Open cases", anchor=False)
    there = [name for name in ORDERS if name in ("risk", "remaining") or known[name]]
    steps = predictions.activities(view.process, view.stack, as_of=view.as_of)
    left, right, _ = st.columns([1.2, 1.6, 2])
    by = left.selectbox("Order", there, format_func=lambda name: ORDERS[name], key="predicted_by")
    activity = right.selectbox(
        "Last activity",
        [None, *(row["activity"] for row in steps)],
        format_func=lambda name: name or "any",
        key=f"predicted_at_{view.process}",
    )
    rows = predictions.listed(view.process, view.stack, by=by, activity=activity, as_of=view.as_of)
    chosen = st.dataframe(
        [_shown(row, known) for row in rows],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"predicted_{view.process}_{by}_{activity}",
        height=min(430, 45 + 35 * len(rows)),
        column_config={
            title: st.column_config.ProgressColumn(title, format="percent", min_value=0.0, max_value=1.0, width="small")
            for title in ("Risk", *OUTCOMES.values())
        },
    )
    if len(rows) == predictions.LISTED:
        st.caption(f"The first {predictions.LISTED} are listed; the SQL page reads all of predictions.scores.")
    picked = chosen["selection"]["rows"]
    if picked and picked[0] < len(rows):
        one_case(view, rows[picked[0]])
    else:
        st.caption("Choose a case to see why, and what happened so far.")
    return rows


def _shown(row: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    risks = {title: row[f"{name}_risk"] for name, title in OUTCOMES.items() if known[name]}
    low, high = row["remaining_days_lower_80"], row["remaining_days_upper_80"]
    return {
        "Case": row["case_id"],
        "Risk": row["risk"],
        "Why": row["reasons"] or "",
        "To go": _days(row["remaining_days"]),
        "80 of 100 within": f"{_days(low)} – {_days(high)}" if low is not None and high is not None else "",
        "Expected end": day(row["expected_end_at"]),
        "Last": row["activity"],
        "Next": f"{row['next_activity']} ({share(row['next_probability'], digits=0)})" if row["next_activity"] else "",
        **(risks if len(risks) > 1 else {}),
    }


def _days(days: float | None) -> str:
    return duration(days * DAY if days is not None else None)


def one_case(view: View, row: dict[str, Any]) -> None:
    """Why a case is scored as it is, and the way to its timeline."""
    case_id = row["case_id"]
    look.line(
        f"Case <b>{safe(case_id)}</b>: {count(row['events'])} events, the last, {safe(row['activity'])}, on "
        f"{safe(moment(row['last_event_at']))}. Expected to go on for <b>{safe(_days(row['remaining_days']))}</b>; next "
        f"<b>{safe(row['next_activity'] or 'nothing')}</b>."
    )
    found = predictions.reasons(view.process, case_id, as_of=view.as_of)
    why(found, row)
    if st.button("Open the case", icon=":material/open_in_new:", key="open_predicted_case"):
        open_case(view.process, case_id)


def open_case(process: str, case_id: str) -> None:
    """Goes to the page about cases."""
    st.switch_page("app_pages/cases.py", query_params={PROCESS: process, own_key("case", process): case_id})


def why(found: Rows, row: dict[str, Any]) -> None:
    if not found:
        st.caption(row["reasons"] or "The reasons of the 200 riskiest cases are kept; this is none of them.")
        return
    cells = [[safe(TARGETS.get(one["target"], one["target"])), safe(one["text"])] for one in found]
    look.table([("Of", False), ("Because", False)], cells)


def quality(view: View, measures: Rows) -> list[Part]:
    """The model beside its floor, calibration, earliness, what it looks at, and its trainings."""
    st.subheader("How far to trust it", anchor=False)
    targets = [name for name in TARGETS if any(row["target"] == name for row in measures)]
    if not targets:
        st.caption("The model has not been measured yet.")
        return []
    target = st.segmented_control(
        "Of", targets, default=targets[0], required=True, format_func=lambda name: TARGETS[name], key="predicted_target"
    )
    target = target or targets[0]
    look.line(safe(predictions.verdict(measures, target)), note="Measured on cases that all started later than those learnt from.")
    beside(measures, target)
    early = predictions.earliness(view.process, target, as_of=view.as_of)
    bins = predictions.calibration(view.process, target, as_of=view.as_of)
    weights = predictions.importance(view.process, target, as_of=view.as_of)
    prediction_charts.draw(early, bins, weights, target)
    card(view)
    return [
        Part("Measures", measures),
        Part("Earliness", early, prediction_charts.earliness(target)),
        Part("Calibration", bins, prediction_charts.calibration() if target in OUTCOMES else None),
        Part("Importance", weights, prediction_charts.importance()),
    ]


def beside(measures: Rows, target: str) -> None:
    found = {row["measure"]: row for row in measures if row["target"] == target}
    cells = [
        [
            safe(title),
            safe(predictions.measured(found[name]["value"], name)),
            safe(predictions.measured(found[name]["floor"], name)),
            "smaller is better" if predictions.SMALLER_IS_BETTER[name] else "larger is better",
        ]
        for name, title in predictions.MEASURES.items()
        if name in found
    ]
    look.table([("Measure", False), ("Model", True), ("Floor", True), ("", False)], cells)
    number = found.get("prefixes")
    if number:
        words = "The floor is what the activity and the number of events so far let expect."
        st.caption(f"On {count(number['value'])} moments of cases it had never seen. {words}")


def card(view: View) -> None:
    """The model card: trainings, and features that have moved."""
    with st.expander("Model card"):
        moved = predictions.drifted(view.process, as_of=view.as_of)
        names = ", ".join(row["feature"] for row in moved)
        st.caption(f"Moved far since the training: {names}." if moved else "No feature has moved far since the training.")
        found = predictions.trainings(view.process, as_of=view.as_of)
        shown = [
            {
                "Trained": moment(row["computed_at"]),
                "Version": row["model_version"],
                "Title": row["alias"],
                "Why": row["reason"],
                "Cases": row["cases"],
                "Prefixes": row["prefixes"],
                "Known until": moment(row["trained_until"]),
                "MLflow run": row["mlflow_run_id"],
            }
            for row in found
        ]
        st.dataframe(shown, hide_index=True, key="trainings")
        st.caption(
            "Gradient-boosted trees over what is known of a case at each event; intervals are split-conformal; a model serves only "
            "where it beats its floor. Processes change: the coverage measured above is no promise. A reason says what the model "
            "looked at, not what causes what."
        )


about_process(page, title="Prediction", kicker="Prediction · Omens")
