"""Both ways through XES give the same rows, and the fast one knows what is not for it."""

from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.xes_parse import XesParser
from connectors.xes_scan import PADDING, Batch, Column, scan

KEYS = st.sampled_from(
    ["concept:name", "x", "a key that is longer than sixteen bytes", "a key that is longer than sixteen bytez", "ü"]
)
VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"]), max_size=30)
ATTRIBUTE = st.tuples(st.sampled_from(["string", "date", "int", "float", "boolean", "id"]), KEYS, VALUES)
EVENT = st.lists(ATTRIBUTE, max_size=4)
TRACES = st.lists(st.tuples(st.lists(ATTRIBUTE, max_size=3), st.lists(EVENT, max_size=4)), min_size=1, max_size=4)


def written(traces: list) -> bytes:
    parts = []
    for attributes, events in traces:
        inner = "".join(f"<event>\n\t{tags(event)}</event>" for event in events)
        parts.append(f"<trace>{tags(attributes)}\n{inner}</trace>")
    return "\n".join(parts).encode()


def tags(attributes: list) -> str:
    return "".join(f'<{kind} key="{key}" value={quoteattr(value, QUOTES)}/>' for kind, key, value in attributes)


QUOTES = {'"': "&quot;"}


def parsed(traces: bytes) -> Batch:
    parser = XesParser(encoding="utf-8")
    parser.feed(b"<log>" + traces + b"</log>", final=True)
    return parser.take()


def rows(batch: Batch) -> dict[Column, list[str | None]]:
    return {column: values.to_pylist() for column, values in batch.columns.items() if values.null_count < len(values)}


@settings(max_examples=200, deadline=None)
@given(TRACES)
def test_scanner_and_parser_agree_on_every_plain_trace(traces: list):
    text = written(traces)
    fast = scan(text + PADDING)
    assert fast is not None
    assert fast.events == sum(len(events) for _, events in traces)
    assert rows(fast) == rows(parsed(text))


@pytest.mark.parametrize(
    "trace",
    [
        '<trace><!-- a comment --><event><string key="a" value="b"/></event></trace>',
        '<trace><event><string key="a" value="b"><int key="c" value="1"/></string></event></trace>',
        '<trace><event><list key="a"><values><string key="b" value="c"/></values></list></event></trace>',
        "<trace><event><string key='a' value='b'/></event></trace>",
        '<trace><event><string value="b" key="a"/></event></trace>',
        '<trace><event><string  key="a" value="b"/></event></trace>',
        '<trace><event><string key="a" value="b"></string></event></trace>',
        '<trace><event><string key="a" value="b\nc"/></event></trace>',
        '<trace><event><string key="a&amp;b" value="c"/></event></trace>',
        "<trace><event><event></event></event></trace>",
        "<trace><event/></trace>",
    ],
)
def test_the_scanner_leaves_what_is_not_plain_to_the_parser(trace: str):
    assert scan(trace.encode() + PADDING) is None


def test_the_parser_keeps_nested_attributes_and_lists():
    batch = parsed(
        b'<trace><string key="concept:name" value="1"><int key="rank" value="7"/></string>'
        b'<event><list key="parts"><values><string key="p" value="x"/><string key="p" value="y"/></values></list></event></trace>'
    )
    assert rows(batch) == {
        Column("case:concept:name", "string"): ["1"],
        Column("case:concept:name:rank", "int"): ["7"],
        Column("parts", "string"): ['[{"p": "x"}, {"p": "y"}]'],
    }


def test_of_two_attributes_of_one_key_the_later_stays():
    text = b'<trace><event><string key="a" value="1"/><string key="a" value="2"/></event></trace>'
    fast = scan(text + PADDING)
    assert fast is not None
    assert rows(fast) == rows(parsed(text)) == {Column("a", "string"): ["2"]}


def test_real_logs_read_alike_both_ways(shared_data: Path):
    import gzip

    for name in ("receipt", "Production", "Sepsis"):
        text = gzip.decompress((shared_data / "event_logs" / f"{name}.xes.gz").read_bytes())
        traces = text[text.index(b"<trace>") : text.rindex(b"</trace>") + len(b"</trace>")]
        fast = scan(traces + PADDING)
        assert fast is not None
        assert rows(fast) == rows(parsed(traces))
