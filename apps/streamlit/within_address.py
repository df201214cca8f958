"""A filter of many cases or variants that still fits into an address: as many of them as do, with a word on what is left out.

What belongs here: that bound, and the two buttons pages show where something concerns some cases. What does not: filters that say
their cases by a property, which are as short as any.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

from apps.streamlit.pages import View
from apps.streamlit.stack import Stack
from mining.filters import Filter

T = TypeVar("T")
MOST_LETTERS = 12_000  # of the packed filters: servers and browsers take addresses of some more


def fitting(stack: Stack, items: Sequence[T], make: Callable[[tuple[T, ...]], Filter]) -> int:
    """How many of the items, from the first on, a filter behind those in force can name."""

    def fits(number: int) -> bool:
        return len(stack.changed((*stack, make(tuple(items[:number])))).packed()) <= MOST_LETTERS

    if fits(len(items)):
        return len(items)
    low, high = 0, len(items)  # low fits, high does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def only_these(view: View, items: Sequence[Any], make: Callable[[tuple[Any, ...]], Filter], *, what: str, key: str) -> None:
    """A button that filters to the cases of some items; where there are too many for an address, it says how many it takes.

    Args:
        view: What the page is about.
        items: Case ids or variants, the most important first.
        make: The filter of some of them.
        what: What they are, in the plural.
        key: Of the button.
    """
    if not items:
        return
    number = fitting(view.stack, items, make)
    label = "Only these cases" if number == len(items) else f"Only the first {number:,} {what}"
    if number and st.button(label, icon=":material/filter_alt:", key=key):
        view.add(make(tuple(items[:number])))
    if number < len(items):
        st.caption(f"All {len(items):,} {what} are too many for an address to name, so the filter takes the first {number:,}.")
