"""A system that fails is asked again in a run, left alone after some runs, and looked at before it is read again."""

import multiprocessing
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import lake
from connectors import manage, states
from connectors.breaker import persistently
from connectors.causes import is_passing, is_refusal
from connectors.connection import Connection, connection_of
from lake.database import PLATFORM
from lake.errors import ConnectionPausedError, CredentialError, SourceUnavailableError

FAST = {"times": 2, "seconds": 0.01, "longest_seconds": 0.05}


@pytest.fixture
def shop(grimoire_home: Path) -> Iterator[Path]:
    """A connection to a SQLite file that is not there yet, with a breaker that opens after two failures."""
    manage.add(
        {
            "name": "shop",
            "type": "sql",
            "address": f"sqlite:///{grimoire_home}/shop.db",
            "resources": [{"name": "orders", "key": "id"}],
            "retries": 0,
            "breaker": {"failures": 2, "seconds": 300},
        }
    )
    yield grimoire_home / "shop.db"


def fill(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("create table orders (id integer primary key)")
        database.execute("insert into orders values (1), (2)")
    database.close()


def fails() -> SourceUnavailableError:
    with pytest.raises(SourceUnavailableError) as caught:
        manage.run("shop")
    return caught.value


def let_time_pass() -> None:
    """As if the breaker's time were over."""
    with psycopg.connect(lake.libpq_dsn(lake.database_url(PLATFORM))) as database:
        database.execute("update connection_states set open_until = now() - interval '1 second' where open_until > now()")


@pytest.mark.slow
def test_the_breaker_opens_after_its_failures_looks_before_it_reads_and_closes_on_success(shop: Path) -> None:
    fails()
    assert states.state_of("shop").breaker == "closed"
    fails()
    known = states.state_of("shop")
    assert (known.state, known.breaker, known.failures) == ("failing", "open", 2)
    assert known.error and "shop.db" in known.error

    with pytest.raises(ConnectionPausedError, match=r"left alone until .*: 2 runs in a row have failed"):
        manage.run("shop")
    assert states.state_of("shop").failures == 2, "a run that was refused touched nothing and counts for nothing"

    let_time_pass()
    assert states.state_of("shop").breaker == "half-open"
    assert "still not well" in fails().problem, "the look comes before any reading"
    assert states.state_of("shop").breaker == "open"

    fill(shop)
    let_time_pass()
    assert manage.run("shop").tables[0].rows_landed == 2
    known = states.state_of("shop")
    assert (known.state, known.breaker, known.failures) == ("active", "closed", 0)


@pytest.mark.slow
def test_a_good_test_lets_the_next_run_through_at_once(shop: Path) -> None:
    for _ in range(2):
        fails()
    assert not manage.test("shop").is_well
    assert states.state_of("shop").breaker == "open"
    fill(shop)
    assert manage.test("shop").is_well
    assert states.state_of("shop").breaker == "half-open"
    manage.run("shop")
    assert states.state_of("shop").breaker == "closed"


def test_of_many_processes_one_takes_the_look(grimoire_home: Path) -> None:
    states.count_failure("shop", limit=1, seconds=0.01)
    time.sleep(0.05)
    known = states.state_of("shop")
    assert known.breaker == "half-open"
    with multiprocessing.get_context("fork").Pool(8) as pool:
        taken = pool.starmap(claim, [(known,)] * 8)
    assert sorted(taken) == [False] * 7 + [True]


def claim(known: states.ConnectionState) -> bool:
    return states.claim_probe(known, seconds=60)


def test_failures_counted_by_many_processes_at_once_are_all_counted(grimoire_home: Path) -> None:
    with multiprocessing.get_context("fork").Pool(8) as pool:  # the first of them makes the table
        pool.map(count, range(40))
    assert states.state_of("shop").failures == 40


def count(_: int) -> None:
    states.count_failure("shop", limit=100, seconds=1)


def test_a_good_test_of_a_connection_that_never_failed_leaves_its_breaker_closed(grimoire_home: Path) -> None:
    states.note_test("shop", is_well=True, said="fine")
    known = states.state_of("shop")
    assert (known.state, known.breaker) == ("tested", "closed")


def test_the_state_is_what_the_newer_of_test_and_run_says(grimoire_home: Path) -> None:
    def state() -> str:
        return states.state_of("shop").state

    assert state() == "configured"
    states.note_test("shop", is_well=True, said="fine")
    assert state() == "tested"
    states.note_success("shop", seconds=1)
    assert state() == "active"
    states.note_failure("shop", said="gone", seconds=1)
    assert state() == "failing"
    states.note_test("shop", is_well=True, said="fine")
    assert state() == "tested"
    states.note_success("shop", seconds=1)
    states.note_test("shop", is_well=False, said="gone")
    assert state() == "failing"


def connection(**fields: object) -> Connection:
    return connection_of({"name": "shop", "type": "sql", "retries": FAST, **fields}, origin="shop.yaml")


def after(*errors: Exception) -> tuple[list[str], object]:
    """How often work was done that fails with these errors one after the other, and what came of it."""
    left, done = list(errors), []

    def work() -> str:
        done.append("once")
        if left:
            raise left.pop(0)
        return "read"

    try:
        return done, persistently(connection(), work)
    except Exception as error:
        return done, error


def away(cause: Exception | None = None) -> SourceUnavailableError:
    error = SourceUnavailableError("The shop does not answer.")
    error.__cause__ = cause
    return error


def test_a_system_that_comes_back_is_read_by_the_same_run() -> None:
    assert after(away(ConnectionResetError("reset")), away(TimeoutError())) == (["once"] * 3, "read")


def test_retries_end() -> None:
    done, error = after(*[away() for _ in range(9)])
    assert (len(done), type(error)) == (3, SourceUnavailableError)


def http(status: int) -> Exception:
    import requests

    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(f"{status} for url", response=response)


@pytest.mark.parametrize(
    ("cause", "is_asked_again"),
    [(http(500), True), (http(503), True), (http(429), True), (http(408), True), (http(400), False), (http(401), False),
     (http(403), False), (http(404), False), (FileNotFoundError("no file"), False), (PermissionError("no right"), False),
     (ConnectionRefusedError("refused"), True)],
    ids=str,
)  # fmt: skip
def test_only_what_may_pass_is_asked_for_again(cause: Exception, is_asked_again: bool) -> None:
    assert is_passing(away(cause)) is is_asked_again
    done, outcome = after(away(cause))
    assert (len(done), outcome == "read") == ((2, True) if is_asked_again else (1, False))


def test_wrong_fields_and_refused_credentials_are_not_asked_for_again() -> None:
    for error in (CredentialError("refused"), ConnectionPausedError("paused"), ValueError("a bug")):
        assert after(error)[0] == ["once"]


@pytest.mark.slow
def test_refused_credentials_are_told_as_such_count_as_a_failure_and_are_not_tried_twice(grimoire_home: Path) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    asked = []

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        words = {"name": "shop", "type": "rest", "address": f"http://127.0.0.1:{server.server_port}/", "retries": FAST,
                 "resources": [{"name": "orders", "key": "id"}]}  # fmt: skip
        manage.add(words)
        with pytest.raises(CredentialError, match="credentials"):
            manage.run("shop")
    finally:
        server.shutdown()
        server.server_close()
    assert len(asked) == 1, "refused credentials are not tried twice: accounts get locked that way"
    known = states.state_of("shop")
    assert (known.state, known.failures) == ("failing", 1)


def test_a_refusal_is_known_in_the_words_of_each_kind_of_system() -> None:
    from sqlalchemy.exc import OperationalError

    login = psycopg.OperationalError('connection failed: FATAL:  password authentication failed for user "reader"')
    assert is_refusal(away(OperationalError("select 1", {}, login)))
    mysql = Exception(1045, "Access denied for user 'reader'@'localhost'")
    assert is_refusal(away(OperationalError("select 1", {}, mysql)))
    assert is_refusal(away(http(401)))
    assert not is_refusal(away(http(500)))
    assert not is_refusal(away(ConnectionRefusedError(111, "refused")))
