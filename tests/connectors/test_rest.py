"""The kind `rest` against real servers: who it says it is, how it asks page by page, what it makes of the answers."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

import lake
from connectors.connection import Connection, connection_of
from connectors.connector import connector_of
from connectors.extract import extract
from connectors.kinds.rest import RestConnector
from connectors.kinds.rest_opened import likely_cursor
from connectors.kinds.rest_session import Pace
from connectors.kinds.rest_steps import register
from connectors.load import load_source
from lake.errors import ConnectionFileError, CredentialError, SourceUnavailableError
from lake.settings import get_settings
from tests.connectors.faults import serving

Answer = tuple[int, dict[str, str], Any]


class Asked:
    """One request as a server saw it."""

    def __init__(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        url = urlsplit(target)
        self.method, self.path, self.headers = method, url.path, headers
        self.params = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        self.body = json.loads(body) if body and "json" in headers.get("content-type", "") else body.decode()


class Server:
    """A server that answers by a function and remembers what it was asked."""

    def __init__(self, reply: Callable[[Asked], Answer]) -> None:
        self.reply, self.asked = reply, list[Asked]()

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        asked = Asked(method, target, headers, body)
        self.asked.append(asked)
        return self.reply(asked)


@pytest.fixture(scope="module")
def home(module_home: Path) -> Iterator[Path]:
    get_settings().connections_folder.mkdir(parents=True, exist_ok=True)
    yield module_home


@pytest.fixture
def serve(home: Path) -> Iterator[Callable[[Callable[[Asked], Answer]], tuple[Server, int]]]:
    running: list[Any] = []

    def start(reply: Callable[[Asked], Answer]) -> tuple[Server, int]:
        server = Server(reply)
        context = serving(server)
        running.append(context)
        return server, context.__enter__()

    yield start
    for context in running:
        context.__exit__(None, None, None)


def connection(name: str, port: int, text: str, **more: Any) -> Connection:
    words = {
        "type": "rest", "name": name, "address": f"http://127.0.0.1:{port}/v1/", "retries": 0,
        "limits": {"attempts": 2, "backoff_seconds": 0.01, "timeout_seconds": 5}, **yaml.safe_load(text), **more,
    }  # fmt: skip
    (get_settings().connections_folder / f"{name}.yaml").write_text(yaml.safe_dump(words), encoding="utf-8")
    return connection_of(words, origin=f"{name}.yaml")


def read(made: Connection, resource: str = "things") -> list[dict[str, Any]]:
    """The rows that an extraction stages."""
    import duckdb

    extract(made)
    files = (get_settings().folder("landing", made.name) / "staged" / resource).glob("*.parquet")
    listed = sorted(str(path) for path in files)
    if not listed:
        return []
    found = duckdb.sql(f"from read_parquet({listed}, union_by_name = true)")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as opened:
        return opened.execute(sql).fetchall()


THINGS = "resources: [{name: things, key: id}]"


@pytest.mark.parametrize(
    ("auth", "credentials", "seen"),
    [
        ("{type: bearer}", {"token": "env:REST_A"}, ("headers", "authorization", "Bearer s3cret-ä")),
        ("{type: api_key, name: X-Key}", {"api_key": "env:REST_A"}, ("headers", "x-key", "s3cret-ä")),
        ("{type: api_key, prefix: 'Token '}", {"api_key": "env:REST_A"}, ("headers", "authorization", "Token s3cret-ä")),
        ("{type: api_key, name: key, location: query}", {"api_key": "env:REST_A"}, ("params", "key", "s3cret-ä")),
        ("{type: api_key, name: sid, location: cookie}", {"api_key": "env:REST_A"}, ("headers", "cookie", "sid=s3cret-ä")),
        (
            "{type: basic, username: me}",
            {"password": "env:REST_A"},
            ("headers", "authorization", f"Basic {base64.b64encode('me:s3cret-ä'.encode()).decode()}"),
        ),
        (
            "basic",
            {"username": "env:REST_A", "password": "env:REST_A"},
            ("headers", "authorization", f"Basic {base64.b64encode('s3cret-ä:s3cret-ä'.encode()).decode()}"),
        ),
    ],
)
def test_each_authentication_shows_the_credential_where_the_api_looks_for_it(
    serve: Any, monkeypatch: pytest.MonkeyPatch, auth: str, credentials: dict[str, str], seen: tuple[str, str, str]
) -> None:
    for name in ("TOKEN", "PASSWORD", "USERNAME", "API_KEY"):
        monkeypatch.setenv(name, "of somebody else")  # dlt would take these
    monkeypatch.setenv("REST_A", "s3cret-ä")
    server, port = serve(lambda asked: (200, {}, [{"id": 1}]))
    read(connection("auth", port, f"auth: {auth}\n{THINGS}", credentials=credentials))
    place, name, value = seen
    found = getattr(server.asked[0], place)[name]
    assert found in (value, value.encode().decode("latin-1"))


@pytest.mark.parametrize("place", ["body", "basic"])
def test_a_token_is_got_for_client_and_secret_and_got_anew_when_it_expires(
    serve: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("REST_ID", "grimoire")
    monkeypatch.setenv("REST_SECRET", "s3cret")
    given: list[str] = []

    def reply(asked: Asked) -> Answer:
        if asked.path == "/oauth/token":
            given.append(f"t{len(given)}")
            return 200, {}, {"access_token": given[-1], "expires_in": 1}
        return (
            200,
            {},
            {"data": [{"id": int(asked.params.get("c", 0)), "by": asked.headers["authorization"]}], "next": following(asked)},
        )

    def following(asked: Asked) -> int | None:
        time.sleep(0.3)
        return int(asked.params.get("c", 0)) + 1 if int(asked.params.get("c", 0)) < 3 else None

    server, port = serve(reply)
    more = "scope: read, token_params: {audience: x}"
    auth = f"{{type: oauth2_client_credentials, token_url: /oauth/token, credentials_in: {place}, {more}}}"
    text = f"auth: {auth}\npagination: {{type: cursor, path: next, param: c}}\nselector: data\n{THINGS}"
    got = read(
        connection(f"oauth_{place}", port, text, credentials={"client_id": "env:REST_ID", "client_secret": "env:REST_SECRET"})
    )
    assert len(got) == 4
    assert len({row["by"] for row in got}) >= 2
    form = {name: values[0] for name, values in parse_qs(server.asked[0].body).items()}
    assert (form["grant_type"], form["scope"], form["audience"]) == ("client_credentials", "read", "x")
    if place == "body":
        assert (form["client_id"], form["client_secret"]) == ("grimoire", "s3cret")
    else:
        assert server.asked[0].headers["authorization"] == f"Basic {base64.b64encode(b'grimoire:s3cret').decode()}"


def test_a_refused_credential_is_told_without_being_shown(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REST_A", "s3cret&more")
    _, port = serve(lambda asked: (401, {}, {"error": f"no such key {asked.params['key']}"}))
    made = connection(
        "refused", port, f"auth: {{type: api_key, name: key, location: query}}\n{THINGS}", credentials={"api_key": "env:REST_A"}
    )
    with pytest.raises(CredentialError, match="status 401") as told:
        extract(made)
    assert "s3cret" not in str(told.value)
    health = connector_of(made).check()
    assert not health.is_well
    assert "401" in health.said
    assert "s3cret" not in health.said


def test_a_next_page_or_redirect_on_another_host_is_refused_and_sees_no_credential(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REST_A", "s3cret")
    stranger, other = serve(lambda asked: (200, {}, {"data": [{"id": 2}], "next": None}))
    _, port = serve(lambda asked: (200, {}, {"data": [{"id": 1}], "next": f"http://127.0.0.1:{other}/v1/things"}))
    credentials = {"api_key": "env:REST_A"}
    text = f"auth: {{type: api_key, name: X-Key}}\nselector: data\npagination: next_url\n{THINGS}"
    with pytest.raises(SourceUnavailableError, match="which is not its own address"):
        extract(connection("elsewhere", port, text, credentials=credentials))
    _, sender = serve(lambda asked: (302, {"Location": f"http://127.0.0.1:{other}/v1/things"}, {}))
    with pytest.raises(SourceUnavailableError, match="which is not its own address"):
        extract(connection("redirected", sender, text, credentials=credentials))
    assert stranger.asked == []


def paged(asked: Asked, total: int = 25) -> tuple[list[dict[str, Any]], int, int]:
    everything = [{"id": number} for number in range(total)]
    first, size = int(asked.params.get("skip", 0)), int(asked.params.get("top", 10))
    return everything[first : first + size], first + size, total


def by_offset_in_body(asked: Asked) -> Answer:
    first, size = asked.body["page"]["from"], asked.body["page"]["size"]
    return 200, {"X-Total": "25"}, {"d": {"results": [{"id": number} for number in range(25)][first : first + size]}}


def by_number(asked: Asked) -> Answer:
    first = (int(asked.params["p"]) - 1) * 10
    return 200, {}, {"items": [{"id": number} for number in range(25)][first : first + 10], "pages": 3}


def by_number_in_body(asked: Asked) -> Answer:
    number, size = asked.body["page"]["no"], asked.body["page"]["size"]
    return 200, {}, {"items": [{"id": each} for each in range(25)][(number - 1) * size : number * size]}


def by_mark(asked: Asked) -> Answer:
    first = int((asked.body or {}).get("after", 0)) if asked.method == "POST" else int(asked.headers.get("x-next", 0))
    after = first + 10
    content = {
        "results": [{"id": number} for number in range(25)][first:after],
        "paging": {"next": {"after": str(after)}} if after < 25 else {},
    }
    return 200, {"X-Following": str(after)} if after < 25 else {}, content


def by_link(asked: Asked) -> Answer:
    part, after, total = paged(asked)
    link = {"Link": f'</v1/things?skip={after}>; rel="next", </v1/things>; rel="first"'} if after < total else {}
    return 200, link, part


def by_next(asked: Asked) -> Answer:
    part, after, total = paged(asked)
    return (
        200,
        {},
        {"records": part, "nextRecordsUrl": f"/v1/things?skip={after}" if after < total else None, "done": after >= total},
    )


def by_range(asked: Asked) -> Answer:
    first, last = (int(number) for number in asked.headers["range"].removeprefix("records=").split("-"))
    if first >= 25:
        return 416, {}, {"message": "no more"}
    return 206, {}, [{"id": number} for number in range(25)][first:last]


PAGINATIONS = {
    "offset in the body": (
        by_offset_in_body, "{type: offset, body_path: page.from, limit_body_path: page.size, limit: 10, total_header: X-Total}",
        "d.results", "POST"),
    "page number": (by_number, "{type: page, param: p, size: 10, total_pages: pages}", "items", "GET"),
    "page number in the body": (
        by_number_in_body, "{type: page, body_path: page.no, size_body_path: page.size, size: 10}", "items", "POST"),
    "page number to the empty page": (by_number, "{type: page, param: p, size: 10}", "items", "GET"),
    "mark into the body": (by_mark, "{type: cursor, path: paging.next.after, body_path: after}", "results", "POST"),
    "mark from header to header": (by_mark, "{type: cursor, header: X-Following, request_header: X-Next}", "results", "GET"),
    "link header": (by_link, "link_header", "$", "GET"),
    "next url": (by_next, "{type: next_url, path: nextRecordsUrl}", "records", "GET"),
    "range header": (by_range, "{type: range, size: 10}", "$", "GET"),
}  # fmt: skip


@pytest.mark.parametrize("name", PAGINATIONS)
def test_each_pagination_brings_every_row_once(serve: Any, name: str) -> None:
    reply, pagination, selector, method = PAGINATIONS[name]
    server, port = serve(reply)
    body = "body: {query: all}" if method == "POST" else ""
    text = f"""
pagination: {pagination}
selector: {selector}
resources:
- {{name: things, key: id, method: {method}{", " + body if body else ""}}}
"""
    got = read(connection("pages_" + "".join(sign for sign in name if sign.isalpha()), port, text))
    assert sorted({int(row["id"]) for row in got}) == list(range(25))
    if method == "POST":
        assert {asked.body["query"] for asked in server.asked} == {"all"}


def test_fewer_rows_than_the_api_says_it_has_fail_the_run(serve: Any) -> None:
    _, port = serve(lambda asked: (200, {}, {"data": [{"id": 1}], "total": 2, "next": None}))
    made = connection("short", port, f"selector: data\npagination: {{type: next_url, total: total}}\n{THINGS}")
    with pytest.raises(SourceUnavailableError, match="gives 1 of 2 rows"):
        extract(made)


def test_a_mark_that_leads_in_a_circle_fails_the_run(serve: Any) -> None:
    _, port = serve(
        lambda asked: (200, {}, {"data": [{"id": asked.params.get("c", "")}], "next": "a" if asked.params.get("c") == "b" else "b"})
    )
    made = connection("circle", port, f"selector: data\npagination: {{type: cursor, path: next, param: c}}\n{THINGS}")
    with pytest.raises(SourceUnavailableError, match="that was there before"):
        extract(made)


CURSORS = {
    "iso": ("2024-05-01T10:00:00Z", "2024-05-01T09:55:00Z"),
    "date": ("2024-05-01T00:01:00Z", "2024-04-30"),
    "epoch_seconds": (1_714_557_600, "1714557300"),
    "epoch_milliseconds": (1_714_557_600_123, "1714557300123"),
    "'%Y-%m-%d %H:%M'": ("2024-05-01T10:00:59.000+0000", "2024-05-01 09:55"),
    "number": (7001, "6701"),
    "text": ("k7", "k7"),
}


@pytest.mark.parametrize("spelled", CURSORS)
def test_the_second_run_asks_from_the_last_cursor_on_in_the_apis_own_words(serve: Any, spelled: str) -> None:
    value, expected = CURSORS[spelled]
    server, port = serve(lambda asked: (200, {}, [{"id": 1, "at": None}, {"id": 2, "at": value}]))
    text = f"resources: [{{name: things, key: id, cursor: at, incremental: {{param: since, format: {spelled}}}}}]"
    made = connection("cursor_" + "".join(sign for sign in spelled.lower() if sign.isalpha()), port, text)
    assert len(read(made)) == 2  # the row without a cursor, too
    before = len(server.asked)
    extract(made)
    assert server.asked[before].params["since"] == expected


def test_a_template_a_zone_and_an_end_say_what_a_query_language_wants(serve: Any) -> None:
    server, port = serve(lambda asked: (200, {}, {"issues": [{"id": 1, "fields": {"updated": "2024-07-01T12:00:00.000+0200"}}]}))
    text = """
selector: issues
resources:
- name: things
  key: id
  cursor: {column: updated, initial: '2024-01-01T00:00:00Z', lag_seconds: 60}
  method: POST
  body: {jql: 'updated >= "{cursor}" and updated < "{until}" order by updated', fields: ['*all']}
  records: [{lift: fields}]
  incremental: {format: '%Y-%m-%d %H:%M', timezone: Europe/Berlin}
"""
    made = connection("jql", port, text)
    (row,) = read(made)
    assert row["updated"] == "2024-07-01T12:00:00.000+0200"
    assert server.asked[0].body["jql"].startswith('updated >= "2024-01-01 01:00" and updated < "2')
    extract(made)
    assert server.asked[-1].body["jql"].startswith('updated >= "2024-07-01 11:59"')


def test_windows_cover_the_whole_span_without_a_gap(serve: Any) -> None:
    server, port = serve(lambda asked: (200, {}, []))
    start = (datetime.now(UTC) - timedelta(days=25)).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = f"""
resources:
- name: things
  cursor: {{column: at, initial: '{start}'}}
  incremental: {{param: start, until_param: end, window_days: 10, format: epoch_seconds}}
"""
    extract(connection("windows", port, text))
    spans = list(dict.fromkeys((asked.params["start"], asked.params["end"]) for asked in server.asked))
    assert len(spans) == 3
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]


def test_an_api_that_gives_no_more_than_so_many_rows_is_asked_again_from_the_last_cursor_on(serve: Any) -> None:
    everything = [{"id": number, "at": 1_700_000_000_000 + number // 2} for number in range(95)]

    def reply(asked: Asked) -> Answer:
        since, after = asked.body["filter"]["value"], int(asked.body.get("after", 0))
        rows = [row for row in everything if row["at"] >= since][:30]
        following = {"next": {"after": str(after + 10)}} if after + 10 < len(rows) else {}
        return 200, {}, {"results": rows[after : after + 10], "paging": following}

    text = """
selector: results
pagination: {type: cursor, path: paging.next.after, body_path: after}
resources:
- name: things
  key: id
  cursor: at
  method: POST
  body: {filter: {operator: GTE, value: '{cursor}'}}
  incremental: {format: epoch_milliseconds, restart_after: 30}
"""
    _, port = serve(reply)
    assert {int(row["id"]) for row in read(connection("restarted", port, text))} == set(range(95))


def test_a_cursor_in_the_future_does_not_hide_what_comes_before_it(serve: Any) -> None:
    server, port = serve(lambda asked: (200, {}, [{"id": 1, "at": "2999-01-01T00:00:00Z"}]))
    made = connection("future", port, "resources: [{name: things, key: id, cursor: at, incremental: since}]")
    extract(made)
    extract(made)
    assert server.asked[-1].params["since"] < "2900"


def test_children_are_read_by_one_call_for_each_parent_and_know_it(serve: Any) -> None:
    def reply(asked: Asked) -> Answer:
        if asked.path == "/v1/orders":
            return 200, {}, [{"id": "a/1", "rev": 3}, {"id": "b 2", "rev": 4}, {"id": "gone", "rev": 5}]
        parent = asked.path.split("/")[3]
        return (
            (404, {}, {"error": "no such order"}) if parent == "gone" else (200, {}, [{"line": 1, "rev": asked.params["rev"]}, "?"])
        )

    server, port = serve(reply)
    text = """
resources:
- {name: orders, key: id}
- name: lines
  key: [order_id, line]
  path: orders/{parent.id}/lines
  params: {rev: 'r{parent.rev}'}
  parent: {resource: orders, take: {order_id: id}}
  ignore_status: [404]
"""
    made = connection("children", port, text)
    got = sorted((row["order_id"], row["line"], row["rev"]) for row in read(made, "lines"))
    assert got == [("a/1", "1", "r3"), ("b 2", "1", "r4")]
    assert {asked.path for asked in server.asked if "lines" in asked.path} >= {"/v1/orders/a%2F1/lines", "/v1/orders/b%202/lines"}
    load_source("children")
    assert sorted(rows("select row_json from quarantine.rows where source = 'children'")) == [('"?"',)]


def test_children_can_be_read_for_changed_parents_only(serve: Any) -> None:
    def reply(asked: Asked) -> Answer:
        everything = [{"id": 1, "at": "2024-01-01T00:00:00Z"}, {"id": 2, "at": "2024-06-01T00:00:00Z"}]
        return (
            200,
            {},
            [row for row in everything if row["at"] >= asked.params["since"]] if "lines" not in asked.path else [{"line": 1}],
        )

    server, port = serve(reply)
    text = """
resources:
- {name: orders, key: id, cursor: at, incremental: since}
- name: lines
  key: [order, line]
  path: orders/{parent.id}/lines
  parent: {resource: orders, changed_only: true, take: {order: id}}
"""
    made = connection("changed", port, text)
    extract(made)
    before = len(server.asked)
    extract(made)
    assert [asked.path for asked in server.asked[before:] if "lines" in asked.path] == ["/v1/orders/2/lines"]


def test_answers_become_records_step_by_step(serve: Any) -> None:
    register("twice", lambda raw: [{**raw, "side": side} for side in ("debit", "credit")])
    answers = {
        "/v1/metrics": {"data": {"result": [{"metric": {"job": "api"}, "values": [[1700000000, "1.5"], [1700000060, "2"]]}]}},
        "/v1/table": {"columns": [{"name": "a"}, {"name": "b"}], "rows": [[1, "x"], [2, "y"]]},
        "/v1/contacts": {"results": [{"id": 1, "properties": {"email": "e", "n": 5}, "assoc": [{"to": 7}, {"to": 8}]}]},
        "/v1/entries": [{"id": 1, "drop_me": 1}],
    }
    _, port = serve(lambda asked: (200, {}, answers[asked.path]))
    text = """
resources:
- name: metrics
  selector: data.result
  records: [{lift: metric}, {explode: values, names: [at, value]}]
  moments: {at: epoch_seconds}
- {name: table, records: [{zip: {names: columns, rows: rows}}]}
- name: contacts
  selector: results
  records: [{lift: properties, prefix: p_}, {explode: assoc}, {take: {first: p_email}}, {keep: [id, to, first]}]
- {name: entries, records: [{transform: twice}, {drop: [drop_me]}]}
"""
    made = connection("steps", port, text)
    assert read(made, "metrics") == [
        {"job": "api", "at": "2023-11-14T22:13:20+00:00", "value": "1.5"},
        {"job": "api", "at": "2023-11-14T22:14:20+00:00", "value": "2"},
    ]
    folder = get_settings().folder("landing", "steps") / "staged"
    import duckdb

    assert duckdb.sql(f"select a, b from '{folder}/table/*.parquet'").fetchall() == [("1", "x"), ("2", "y")]
    assert duckdb.sql(f"select id, \"to\", first from '{folder}/contacts/*.parquet'").fetchall() == [
        ("1", "7", "e"),
        ("1", "8", "e"),
    ]
    assert duckdb.sql(f"select id, side from '{folder}/entries/*.parquet'").fetchall() == [("1", "debit"), ("1", "credit")]


AWKWARD: list[Any] = [
    {"id": 1, "price": "@0.1", "exact": "@12345678901234567890.123456789", "big": 10**25, "mixed": 1,
     "Zoë ☕": "𝄞\u0000x", "deep": {"a": [{"b": "@1.10"}]}},
    {"id": 2, "price": "@1e2", "exact": "@1.5", "big": -(10**25), "mixed": "one", "ID ": True, "_raw": "own",
     "deep": [1, [2]]},
    {"id": 3, "price": None, "exact": None, "big": 5, "mixed": {"x": 1}, "NAME": "upper", "name": "lower",
     "day": "2024-02-29"},
    "not an object", 42, None, ["a", "list"], {"id": 4, "half": "\ud800"},
]  # fmt: skip


def test_values_land_without_loss_and_what_is_no_record_goes_to_the_dead_letters(serve: Any) -> None:
    words = json.dumps(AWKWARD)
    for number in ("0.1", "12345678901234567890.123456789", "1.10", "1e2", "1.5"):
        words = words.replace(f'"@{number}"', number)

    _, port = serve(lambda asked: (200, {}, words.encode()))
    connection("awkward", port, THINGS)
    load_source("awkward")
    load_source("awkward")
    kinds = dict(rows("select column_name, data_type from duckdb_columns() where schema_name = 'raw_awkward'"))
    assert (kinds["price"], kinds["exact"], kinds["big"]) == ("DOUBLE", "DECIMAL(38,9)", "DECIMAL(38,0)")
    assert rows("select id, price, exact::varchar, big::varchar, mixed from raw_awkward.things order by id") == [
        (1, 0.1, "12345678901234567890.123456789", str(10**25), "1"),
        (2, 100.0, "1.500000000", str(-(10**25)), "one"),
        (3, None, None, "5", '{"x":1}'),
    ]
    assert rows('select "Zoë ☕", deep from raw_awkward.things where id = 1') == [("𝄞\u0000x", '{"a":[{"b":1.10}]}')]
    assert rows('select "ID_", "_raw_", deep from raw_awkward.things where id = 2') == [(True, "own", "[1,[2]]")]
    assert rows('select "NAME", "name_", day::varchar from raw_awkward.things where id = 3') == [("upper", "lower", "2024-02-29")]
    letters = {json.dumps(json.loads(row)) for (row,) in rows("select row_json from quarantine.rows where source = 'awkward'")}
    assert letters == {json.dumps(record) for record in AWKWARD[3:]}
    assert rows("select count(*) from quarantine.rows where source = 'awkward'") == [(5,)]  # read twice, noted once


def test_a_value_that_does_not_fit_what_its_column_became_is_held_back_with_its_whole_row(serve: Any) -> None:
    page: list[Any] = [{"id": number, "amount": number, "at": "2024-01-01T00:00:00Z"} for number in range(1, 21)]
    _, port = serve(lambda asked: (200, {}, page))
    connection("misfit", port, THINGS)
    load_source("misfit")
    page[4] = {"id": 5, "amount": "five", "at": "2024-01-01T00:00:00Z"}
    page[5] = {"id": 6, "amount": 6.5, "at": "2024-01-01T00:00:00Z"}
    load_source("misfit")
    assert rows("select id, amount from raw_misfit.things where id in (5, 6) order by id") == [(5, 5), (6, 6)]
    kept = [json.loads(row) for (row,) in rows("select row_json from quarantine.rows where source = 'misfit' order by row_key")]
    assert [(row["id"], row["amount"]) for row in kept] == [("5", "five"), ("6", "6.5")]


def test_a_pace_is_kept_and_a_refusal_that_tells_when_to_come_back_obeyed(serve: Any) -> None:
    stamps: list[float] = []

    def reply(asked: Asked) -> Answer:
        stamps.append(time.monotonic())
        number = int(asked.params.get("c", 0))
        if number == 3 and len(stamps) == 4:
            return 429, {"Retry-After": "1"}, {}
        return 200, {}, {"data": [{"id": number}], "next": number + 1 if number < 9 else None}

    _, port = serve(reply)
    text = f"selector: data\npagination: {{type: cursor, path: next, param: c}}\n{THINGS}"
    made = connection("pace", port, text, limits={"requests_per_second": 4, "attempts": 1})
    assert len(read(made)) == 10
    gaps = [later - earlier for earlier, later in pairwise(stamps)]
    assert gaps[3] >= 1.0
    assert all(stamps[at + 4] - stamps[at] >= 1.0 for at in range(len(stamps) - 4))


def test_rows_that_are_gone_are_found_by_their_keys_children_too(serve: Any) -> None:
    orders = [{"id": 1}, {"id": 2}, {"id": 3}]

    def reply(asked: Asked) -> Answer:
        return 200, {}, orders if "lines" not in asked.path else [{"line": 1}]

    _, port = serve(reply)
    text = """
resources:
- {name: orders, key: id, deletions: {by: keys}}
- {name: lines, key: [order_id, line], path: 'orders/{parent.id}/lines', deletions: {by: keys},
   parent: {resource: orders, take: {order_id: id}}}
"""
    connection("deleted", port, text)
    load_source("deleted")
    orders.pop(1)
    load_source("deleted")
    assert rows("select id from raw_deleted.orders where _deleted_at is not null") == [(2,)]
    assert rows("select order_id from raw_deleted.lines where _deleted_at is not null") == [(2,)]
    assert rows("select count(*) from raw_deleted.orders") == [(3,)]


def test_an_error_inside_an_answer_is_the_endpoints_own_affair(serve: Any) -> None:
    def reply(asked: Asked) -> Answer:
        if asked.path == "/v1/plain":
            return 200, {}, [{"id": 1}]
        return 200, {}, {"ok": len(server.asked) > 2, "error": "ratelimited", "rows": [{"id": 2}]}

    server, port = serve(reply)
    text = "resources: [{name: plain, key: id}, {name: signed, key: id, selector: rows, ok_path: ok}]"
    made = connection("signs", port, text, limits={"attempts": 4, "backoff_seconds": 0.01})
    assert [row["id"] for row in read(made, "signed")] == ["2"]
    refusing, other = serve(lambda asked: (200, {}, {"ok": False, "error": "ratelimited"}))
    with pytest.raises(SourceUnavailableError, match="ratelimited"):
        extract(connection("signs_bad", other, "resources: [{name: signed, key: id, ok_path: ok}]"))
    assert len(refusing.asked) == 2


def test_no_second_sees_more_requests_than_are_allowed() -> None:
    pace, stamps = Pace(20), list[float]()
    for number in range(61):
        pace.wait()
        stamps.append(time.monotonic())
        time.sleep(0.03 if number == 25 else 0.0)
        pace.note()
    assert all(stamps[at + 20] - stamps[at] >= 1.0 for at in range(41))
    assert stamps[-1] - stamps[0] < 3.6


def test_a_check_names_what_is_missing_and_reads_next_to_nothing(serve: Any) -> None:
    server, port = serve(lambda asked: (404, {}, {}) if "gone" in asked.path else (200, {}, [{"id": 1}]))
    text = "pagination: {type: offset, limit: 500}\nresources: [{name: things, key: id}, {name: gone, key: id}]"
    health = connector_of(connection("checked", port, text)).check()
    assert (health.is_well, health.missing) == (False, ("gone",))
    assert server.asked[0].params["limit"] == "1"
    assert len(server.asked) == 2


def test_inspect_tells_types_key_and_cursor_of_declared_and_given_paths(serve: Any) -> None:
    page = [{"id": number, "name": "x", "updated_at": "2024-01-01T00:00:00Z", "ok": True} for number in (1, 2, 3)]
    _, port = serve(lambda asked: (200, {}, {"items": page} if "other" in asked.path else page))
    connector = connector_of(connection("looked", port, "resources: [{name: things}]"))
    assert isinstance(connector, RestConnector)
    declared, given = connector.inspect(["/other/things"])
    for shape in (declared, given):
        assert shape.columns == {"id": "BIGINT", "name": "VARCHAR", "updated_at": "TIMESTAMPTZ", "ok": "BOOLEAN"}
        assert shape.key == ("id",)
        assert likely_cursor(shape.columns) == "updated_at"
        assert [row["id"] for row in shape.sample] == [1, 2, 3]
    assert given.name == "other_things"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("auth: {type: bearer}\nresources: [{name: things}]", "credentials: auth bearer needs token"),
        ("resources: [{name: things, incremental: since}]", "resources.things.incremental: needs `cursor`"),
        ("resources: [{name: things, parent: orders}]", "resources.things.parent: there is no resource `orders`"),
        (
            "resources: [{name: things, pagination: {type: cursor, path: next}}]",
            r"resources.things.pagination.cursor: give one of `param`",
        ),
        ("resources: [{name: things, cursor: at, incremental: {param: s, format: unix}}]", r"resources.things.incremental.format"),
        ("resources: [{name: things, body: {a: 1}}]", "body: needs method: POST"),
        ("resources: [{name: things, records: [{lift: a, explode: b}]}]", "each step is one of"),
        ("limits: {requests_per_second: 0}\nresources: [{name: things}]", "limits.requests_per_second"),
        ("pagination: {type: offset, limitt: 5}\nresources: [{name: things}]", "pagination.offset.limitt"),
    ],
)
def test_a_wrong_word_is_named_with_its_file_and_field(home: Path, text: str, message: str) -> None:
    with pytest.raises(ConnectionFileError, match=message) as told:
        connector_of(connection("wrong", 1, text))
    assert "wrong.yaml" in str(told.value)
    (get_settings().connections_folder / "wrong.yaml").unlink()


def test_two_threads_share_nothing_but_the_file(serve: Any) -> None:
    _, port = serve(lambda asked: (200, {}, [{"id": 1}]))
    made = connection("threads", port, THINGS)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(connector_of(made).check().is_well)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4
