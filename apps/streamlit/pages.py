"""The frame of a page about a mined process: its heading, the filter bar, time travel, and guidance where there is nothing yet.

What belongs here: `View`, which carries what a page is about, and `about_process`, which makes it. What does not: any page's own
content, the bar (`filter_bar`) and the figures (`mined`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import streamlit as st

from apps.streamlit import as_of, filter_bar, look, mined
from apps.streamlit.asking import ask
from apps.streamlit.choices import chosen_process
from apps.streamlit.exports import About, Part, exports
from apps.streamlit.mined import MinedLog, mined_log
from apps.streamlit.mishaps import guarded
from apps.streamlit.reading import Rows, rows
from apps.streamlit.stack import Stack
from apps.streamlit.standing import standing
from apps.streamlit.wording import moment
from lake.errors import GrimoireError
from lake.registry import Process
from mining.filters import Filter


@dataclass(frozen=True)
class View:
    """What a page is about: a process, the filters in force and the state of the lake.

    Attributes:
        process: Name of the process.
        title: Its title.
        stack: The filters in force, in their order.
        as_of: The snapshot to read the lake as of; None: the newest.
        log: The mined log without filters.
        definition: What the lake knows of the process.
    """

    process: str
    title: str
    stack: Stack
    as_of: int | None
    log: MinedLog
    definition: Process

    @cached_property
    def kept(self) -> MinedLog:
        """The size of what the filters keep; `log` itself without a filter."""
        return mined.summary(self.log, self.stack, as_of=self.as_of)

    def about(self, kicker: str) -> About:
        """What a report of the page says above its figures: process, filters, what remains, and the state of the lake."""
        kept, log = self.kept, self.log
        filters = f"Filters: {'; '.join(self.stack.words())}." if self.stack else "No filter."
        size = f"{kept.cases:,} of {log.cases:,} cases, {kept.events:,} of {log.events:,} events."
        read = f"Read as of lake snapshot {self.as_of}. " if self.as_of is not None else ""
        mined_at = f"{read}Mined as of {moment(log.computed_at)} from lake snapshot {log.snapshot_id}."
        return About(self.title, kicker, (filters, size, mined_at))

    def export(self, *parts: Part, kicker: str) -> None:
        """Offers what the page shows as files; see `exports.exports`."""
        exports(parts, self.about(kicker), key=f"export-{kicker}")

    def ask(self, question: str, *params: Any) -> Rows:
        """Rows of a question to the filtered log; see `asking.ask`."""
        return ask(self.process, tuple(self.stack), question, *params, as_of=self.as_of)

    def rows(self, sql: str, *params: Any, needs: tuple[str, ...] = ()) -> Rows:
        """Rows of a query over the lake as of the view's snapshot, which heeds no filter; see `reading.rows`."""
        return rows(sql, *params, needs=needs, as_of=self.as_of)

    def add(self, part: Filter) -> None:
        """Puts a filter in force and runs the page again: for clicks on what the page shows."""
        filter_bar.add(self.process, part)
        st.rerun()


def about_process(page: Callable[[View], None], *, title: str, kicker: str) -> None:
    """The frame of a page about the chosen process: heading, filter bar, then `page`; or what to do where there is nothing.

    Args:
        page: Gets the view. It runs as a fragment: what is chosen on it runs only it again.
        title: The heading where there is no process.
        kicker: The words above the heading.
    """
    process = chosen_process()
    look.header(process.title if process else title, kicker=kicker)
    if process is None:
        look.empty_lake()
        return
    as_of.banner()
    as_of.write()
    snapshot = as_of.chosen()
    log = mined_log(process.name, as_of=snapshot)
    if log is None and snapshot is not None:
        look.guidance(
            "Not mined yet at that time", "The process had not been mined when that snapshot was made. Choose a later day."
        )
    elif log is None:
        look.not_mined(process.name)
    else:
        stack = filter_bar.bar(process.name, log)
        standing(log, as_of=snapshot)
        _run(page, View(process.name, process.title, stack, snapshot, log, process))


def _run(page: Callable[[View], None], view: View) -> None:
    """Runs the page where the filters keep anything; what they cannot be asked is said."""
    try:
        cases = mined.kept(view.process, view.stack, as_of=view.as_of)[0] if view.stack else view.log.cases
    except GrimoireError as error:
        if not view.stack:
            raise
        look.guidance("A filter cannot be applied", error.problem, error.remedy)
        return
    if not cases:
        look.guidance("No case passes these filters", "Remove one in the bar above, or undo the last change.")
        return
    _guarded(page, view)


@st.fragment
def _guarded(page: Callable[[View], None], view: View) -> None:
    """The page's part that runs by itself when something on it is chosen."""
    with guarded():
        page(view)
