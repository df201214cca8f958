"""Upload: an event-log file becomes a process one can open: look into it, say what its columns are, import, mine.

What belongs here: the page's layout. What does not: reading the file (`connectors`) and keeping it meanwhile (`uploads`).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import streamlit as st

from apps.streamlit import choices, look, uploads
from apps.streamlit.choices import known_processes
from apps.streamlit.mishaps import guarded
from apps.streamlit.wording import amount, count, moment, plain, safe
from connectors.event_log_landing import FileOptions, ImportReport
from connectors.event_log_preview import NEEDED, Preview
from connectors.lifecycle import TRANSITION
from connectors.process_names import clean_name, process_name
from lake.errors import FileFormatError, GrimoireError

KEPT, SENT, DONE = "upload_path", "upload_sent", "upload_done"
NONE = "–"
PARTS = {
    "case": ("Case", "What belongs together: an order, a ticket, a patient."),
    "activity": ("Activity", "What happened."),
    "timestamp": ("Time", "When it happened; of an activity that takes time, when it ended."),
    "start": ("Start", "When it began, where the file says so."),
    "resource": ("Resource", "Who did it."),
}
PAIRING = "The file tells starts and completions apart (`lifecycle:transition`). As one event they give waiting and service times."
DELIMITERS = {"guessed": None, "comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}


def main() -> None:
    look.header("Upload", kicker="Data", sub="An event log of yours becomes a process like any other")
    sent = st.file_uploader(
        f"Event log, up to {uploads.MOST_MEGABYTES} MB: CSV, XES (both also gzipped), Parquet, or OCEL as JSON, XML or SQLite",
        key="upload_file",
        max_upload_size=uploads.MOST_MEGABYTES,
    )
    if sent is None:
        forget()
        st.caption(
            "Each row is one event: it names its case, the activity and the time. Nothing is written to the lake before you "
            "say so. Larger files: `grimoire import FILE`."
        )
        example()
        return
    with guarded("This file cannot be used"):
        path = kept(sent)
        if DONE in st.session_state:
            finished(st.session_state[DONE])
        else:
            prepare(path)


def example() -> None:
    """What a file looks like that can be used, before there is one; and what happens to it."""
    st.subheader("What a file needs", anchor=False)
    heads = ("case", "activity", "time", "resource (if known)", "amount (anything else)")
    lines = (
        ("SO-1001", "Create order", "2025-03-03 09:12:00", "Emma", "480.00"),
        ("SO-1001", "Ship goods", "2025-03-05 14:40:00", "Jonas", "480.00"),
        ("SO-1002", "Create order", "2025-03-03 09:30:00", "Emma", "75.50"),
    )
    look.table([(head, False) for head in heads], [list(line) for line in lines])
    st.caption(
        "Columns may have any names and stand in any order: you say what each is, and see what is wrong before anything is kept. "
        "Then the log is imported and mined, and is a process with all its pages."
    )


def kept(sent: Any) -> Path:
    """The file on disk; another one than before begins anew."""
    if st.session_state.get(SENT) != sent.file_id:
        forget()
        st.session_state[KEPT] = uploads.keep(sent, sent.name)
        st.session_state[SENT] = sent.file_id
    path = st.session_state[KEPT]
    if not path.exists() and DONE not in st.session_state:
        raise FileFormatError(f"{sent.name} was uploaded too long ago.", remedy="Send it again.")
    return Path(path)


def forget() -> None:
    path = st.session_state.pop(KEPT, None)
    for name in (SENT, DONE):
        st.session_state.pop(name, None)
    if path:
        uploads.forget(path)


@st.cache_data(max_entries=8, show_spinner="Looking into the file …")
def looked_into(path: str, options: FileOptions) -> Preview | GrimoireError:
    try:
        return uploads.look_into(Path(path), options)
    except GrimoireError as error:
        return error


def prepare(path: Path) -> None:
    """The rows, the columns' parts, what is wrong, and the button."""
    first = found(path, FileOptions())
    with st.expander("How the file is written", expanded=isinstance(first, GrimoireError)):
        options = form(first.kind if isinstance(first, Preview) else "csv")
    seen = found(path, options)
    if isinstance(seen, GrimoireError):
        look.guidance("This file cannot be used", seen.problem, remedy(seen))
        return
    if seen.kind == "ocel":
        options = objects(seen, options)
    else:
        options = mapping(seen, options, key=str(path))
        seen_so = found(path, options)
        if isinstance(seen_so, GrimoireError):
            look.guidance("These columns cannot be used", seen_so.problem, remedy(seen_so))
            return
        seen = seen_so
    verdict(seen)
    st.subheader("The first rows", anchor=False)
    st.dataframe(shown(seen), hide_index=True, key="upload_rows")
    start(path, seen, options)


def found(path: Path, options: FileOptions) -> Preview | GrimoireError:
    return looked_into(str(path), options)


def remedy(error: GrimoireError) -> str:
    """What to do about it on this page, where the import's own words speak of its options."""
    words = {"--delimiter": "the delimiter", "--encoding": "the encoding", "--date-format": "the form of times"}
    said = next((f"Say {what} under “How the file is written”." for option, what in words.items() if option in error.remedy), None)
    return said or ("" if "--" in error.remedy else error.remedy)


def form(kind: str) -> FileOptions:
    one, two, three, four = st.columns(4)
    zone = one.selectbox(
        "Time zone",
        sorted(available_timezones()),
        index=sorted(available_timezones()).index("UTC"),
        help="Of times that name none.",
    )
    form_of = two.text_input("Form of times", placeholder="guessed, or %d.%m.%Y %H:%M", help="As strptime writes it.")
    if kind != "csv":
        return FileOptions(time_zone=zone, date_format=form_of or None)
    delimiter = three.selectbox("Delimiter", list(DELIMITERS))
    encoding = four.text_input("Encoding", placeholder="guessed, or latin-1")
    return FileOptions(delimiter=DELIMITERS[delimiter], encoding=encoding or None, time_zone=zone, date_format=form_of or None)


def mapping(seen: Preview, options: FileOptions, *, key: str) -> FileOptions:
    """Which column is what; what is guessed stands there to begin with."""
    st.subheader("What its columns are", anchor=False)
    said: dict[str, Any] = {}
    for where, (part, (title, about)) in zip(st.columns(len(PARTS)), PARTS.items(), strict=True):
        columns = list(seen.columns) if part in NEEDED else [NONE, *seen.columns]
        guessed = seen.roles[part] if part in NEEDED else seen.roles[part] or NONE
        chosen = where.selectbox(
            title,
            columns,
            index=columns.index(guessed) if guessed in columns else None,
            placeholder="Choose",
            key=f"upload-{part}-{key}",
            help=about,
        )
        said[part] = None if chosen == NONE else chosen
    if any(clean_name(column) == TRANSITION for column in seen.columns) and not said["start"]:
        is_paired = st.toggle("Make one event of a start and its completion", key=f"upload-pair-{key}", help=PAIRING)
        said["lifecycle"] = "pair" if is_paired else "keep"
    return replace(options, **said)


def objects(seen: Preview, options: FileOptions) -> FileOptions:
    types = {NONE: "the most sensible", **{name: f"{name} ({number:,})" for name, number in seen.object_types.items()}}
    chosen = st.selectbox(
        "Cases are the objects of type", list(types), format_func=lambda name: types[name], key="upload_type", width=340
    )
    return replace(options, object_type=None if chosen == NONE else chosen)


def verdict(seen: Preview) -> None:
    """What an import would make of it, and what is wrong."""
    if seen.kind == "ocel":
        size = f"<b>{count(seen.events)}</b> events, <b>{count(seen.activities)}</b> activities"
        look.line(f"{size}, <b>{count(sum(seen.object_types.values()))}</b> objects of {len(seen.object_types)} types.")
    elif seen.events:
        size = f"<b>{count(seen.cases)}</b> cases, <b>{count(seen.events)}</b> events, <b>{count(seen.activities)}</b> activities"
        look.line(f"{size}, from {safe(moment(seen.first))} to {safe(moment(seen.last))}.")
    for finding in seen.findings:
        (st.error if finding.severity == "error" else st.warning)(plain(finding.words))


def shown(seen: Preview) -> list[dict[str, Any]]:
    """The rows with what each column is taken for in its name."""
    parts = {column: PARTS[part][0] for part, column in seen.roles.items() if column}
    order = [*parts, *(column for column in seen.columns if column not in parts)] or list(seen.sample[0] if seen.sample else ())
    named = {column: f"{column} → {parts[column]}" if column in parts else column for column in order}
    return [{named[column]: row.get(column) for column in order} for row in seen.sample]


def start(path: Path, seen: Preview, options: FileOptions) -> None:
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    name = left.text_input("Name of the process", process_name(path), key=f"upload-name-{path}", max_chars=48)
    taken = {process.name: process for process in known_processes()}.get(clean_name(name or ""))
    if taken and taken.origin == "product":
        right.caption(f"“{plain(taken.title)}” is a data product's event log and is not replaced: choose another name.")
    elif taken:
        right.caption(f"Replaces the imported process “{plain(taken.title)}”.")
    can = seen.can_be_imported and bool(name) and not (taken and taken.origin == "product")
    if st.button("Import and mine", type="primary", icon=":material/input:", disabled=not can, key="upload_go"):
        go(path, clean_name(name or ""), options)


def go(path: Path, name: str, options: FileOptions) -> None:
    bar = st.progress(0.0, "Reading the file")

    def tell(what: str, done: float) -> None:
        bar.progress(min(1.0, done), plain(what))

    try:
        report = uploads.bring_in(path, name, options, tell)
    except GrimoireError as error:
        bar.empty()
        look.guidance("Nothing was imported", error.problem, remedy(error))
        return
    st.session_state[DONE] = report
    st.rerun()


def finished(report: ImportReport) -> None:
    """What came of it, and the way to it."""
    size = f"<b>{count(report.cases)}</b> cases, <b>{count(report.events)}</b> events, <b>{count(report.activities)}</b> activities"
    look.line(f'<span class="gr-badge good">Imported and mined</span> <b>{safe(report.process)}</b>: {size}.')
    if report.rows_quarantined:
        st.warning(f"{amount(report.rows_quarantined, 'rows')} were set aside; the page Data quality says why.")
    for note in report.notes:
        st.caption(plain(note))
    with st.container(horizontal=True):
        for label, page in (("Open its map", "process_map"), ("Open its variants", "variants"), ("Open its overview", "overview")):
            if st.button(label, key=f"upload-open-{page}", on_click=choose, args=(report.process,)):
                st.switch_page(f"app_pages/{page}.py")


def choose(process: str) -> None:
    """Makes it the chosen process, before the sidebar shows which one is."""
    choices.want(process)
    st.session_state[choices.PROCESS] = process


main()
