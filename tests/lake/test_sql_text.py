"""Texts in SQL come back as they went in."""

import duckdb
import pytest

from lake.sql_text import as_text


@pytest.mark.parametrize("text", ["", "plain", "it's", "'", "''; drop table x; --", 'a "b" \\n ü', "two\nlines"])
def test_a_text_is_what_it_was(text: str):
    with duckdb.connect() as connection:
        assert connection.execute(f"select {as_text(text)}").fetchone() == (text,)
