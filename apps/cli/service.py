"""`grimoire up`, `stop` and `status`: the whole platform brought up, kept alive, looked at and ended.

What belongs here: the order of things. What does not: the servers' processes (`apps.cli.children`), the work of a run.
"""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli import console

if TYPE_CHECKING:
    from apps.cli.children import Server, Servers
    from lake.settings import Settings

WATCH_SECONDS = 0.5


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command(rich_help_panel="Serve")(up)
    app.command(rich_help_panel="Serve")(stop)
    app.command(rich_help_panel="Serve")(status)


def up(
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve until Ctrl-C; --no-serve ends after the run.")] = True,
) -> None:
    """Brings everything up: database, demo company, the road, then the Grimoires and the Dagster UI until Ctrl-C.

    The first time, the road runs before anything is served. Later it runs beside the servers, which come up at once.

    Examples:

    $ grimoire up

    $ GRIMOIRE_APP_PORT=8600 grimoire up

    $ GRIMOIRE_DEMO_SCALE=0.05 grimoire up --no-serve
    """
    from lake.running import RunningServers, serving_lock, write_record
    from lake.settings import get_settings

    settings = get_settings()
    with serving_lock(settings):
        _end_left_behind(settings)
        import os

        write_record(settings, RunningServers(pid=os.getpid()))
        _check(settings, serve=serve)
        _bring_up_company()
        if not serve:
            _run_in_front()
            return
        if not _has_results():
            with _told_not_stopped():
                _run_in_front()
            _serve(settings, beside=None)
        else:
            _serve(settings, beside=_command("run"))


def _check(settings: "Settings", *, serve: bool) -> None:
    """Asks the doctor what would fail later and less clearly."""
    from lake.database import DATABASES, database_url
    from lake.doctor import examine
    from lake.errors import PlatformError

    errors = [finding for finding in examine(settings=settings, quick=True) if finding.status == "error"]
    errors = [finding for finding in errors if serve or finding.name != "ports"]
    if errors:
        raise PlatformError(
            "; ".join(f"{finding.name}: {finding.detail}" for finding in errors) + ".",
            remedy=" ".join(dict.fromkeys(finding.remedy for finding in errors)),
        )
    console.say("Starting the database …")
    for name in DATABASES:
        database_url(name, settings=settings)


def _bring_up_company() -> None:
    """In a process of its own: simulating takes memory that a server should not keep."""
    done = subprocess.run([*_command("demo", "up"), "--quiet"], check=False)
    if done.returncode:
        raise typer.Exit(done.returncode)


def _run_in_front() -> None:
    from apps.cli.road import run_road

    began = time.monotonic()
    with console.progress() as progress:
        report = run_road(progress)
    console.say(f"The road is done in {time.monotonic() - began:.0f} s: rows landed, processes mined, forecasts made.")
    for check in report["failed_checks"]:
        console.say(f"A check failed: {check}")


@contextlib.contextmanager
def _told_not_stopped() -> Iterator[None]:
    """A run that fails is told, and what there is gets served: the Dagster UI shows what went wrong."""
    from lake.errors import GrimoireError

    try:
        yield
    except GrimoireError as error:
        console.print_error(error)


def _has_results() -> bool:
    """Whether a road has come far enough for the pages to show something."""
    import lake

    with lake.connect(read_only=True) as connection:
        there = connection.execute(
            "select 1 from duckdb_tables() where database_name = 'lake' and schema_name = 'mining' and table_name = 'models'"
        ).fetchone()
        return there is not None and connection.execute("select 1 from mining.models limit 1").fetchone() is not None


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "apps.cli.main", *words]


def servers(settings: "Settings") -> "Servers":
    """The servers of one `grimoire up`: the Grimoires, the Dagster UI, Dagster's daemon and the MLflow UI."""
    from apps.cli.children import Server, Servers
    from lake.settings import NO_TELEMETRY, PROJECT_ROOT

    logs, host, programs = settings.folder("logs"), settings.host, Path(sys.executable).parent
    app, dagster = f"http://{_shown(host)}:{settings.app_port}", f"http://{_shown(host)}:{settings.dagster_port}"
    streamlit = [
        sys.executable, "-m", "streamlit", "run", str(PROJECT_ROOT / "apps/streamlit/app.py"), "--server.address", host,
        "--server.port", str(settings.app_port), "--server.headless", "true", "--browser.gatherUsageStats", "false",
        "--server.fileWatcherType", "none",
    ]  # fmt: skip
    serve, workspace = [sys.executable, "-m", "orchestration", "serve"], ["-w", str(PROJECT_ROOT / "workspace.yaml")]
    web = [*serve, str(programs / "dagster-webserver"), *workspace, "-h", host, "-p", str(settings.dagster_port)]
    daemon = [*serve, str(programs / "dagster-daemon"), "run", *workspace]
    return Servers([
        Server("Grimoires", streamlit, logs / "streamlit.log", app, f"{app}/_stcore/health", dict(NO_TELEMETRY)),
        Server("Dagster UI", web, logs / "dagster-webserver.log", dagster, f"{dagster}/server_info"),
        Server("Dagster daemon", daemon, logs / "dagster-daemon.log"),
        _mlflow(settings),
        *_inbound(settings),
    ])  # fmt: skip


def _mlflow(settings: "Settings") -> "Server":
    """The MLflow UI. It asks nobody who they are, so it listens on the loopback whatever address the others have."""
    from apps.cli.children import Server
    from lake.database import MLFLOW, database_url
    from lake.settings import NO_TELEMETRY

    url = f"http://127.0.0.1:{settings.mlflow_port}"
    address = database_url(MLFLOW, settings=settings).render_as_string(hide_password=False)
    serve = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(settings.mlflow_port), "--workers", "1",
        "--allowed-hosts", f"127.0.0.1:{settings.mlflow_port},localhost:{settings.mlflow_port}",
        "--default-artifact-root", settings.folder("mlflow", "artifacts").as_uri(), "--no-serve-artifacts",
    ]  # fmt: skip
    secret = {
        **NO_TELEMETRY,
        "MLFLOW_BACKEND_STORE_URI": address,
    }  # not in the command, where every user of the machine can read it
    return Server("MLflow UI", serve, settings.folder("logs") / "mlflow.log", url, f"{url}/health", secret)


def _inbound(settings: "Settings") -> "list[Server]":
    """The endpoint for webhooks, where there is a connection of that kind."""
    from apps.cli.children import Server
    from connectors.connections import connections

    if not any(connection.type == "webhook" for connection in connections().values()):
        return []
    url = f"http://{_shown(settings.host)}:{settings.inbound_port}"
    listen = [sys.executable, "-m", "connectors.inbound_server"]
    return [Server("Webhooks", listen, settings.folder("logs") / "inbound.log", f"{url}/hooks", f"{url}/health")]


def _shown(host: str) -> str:
    """The address to open in a browser for one that means every interface."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104


def _serve(settings: "Settings", *, beside: list[str] | None) -> None:
    """Serves until Ctrl-C or SIGTERM; `beside` is a command that runs meanwhile and whose outcome is told."""
    from connectors.demo import running_crm

    fleet, background = servers(settings), Background(settings, beside)
    try:
        with running_crm():
            console.say("Starting the servers …")
            fleet.start()
            _record(settings, fleet)
            background.start()
            fleet.wait_until_up()
            _announce(fleet)
            _watch(settings, fleet, background)
    except (KeyboardInterrupt, SystemExit):
        console.say("Stopping …")
    finally:
        with _undisturbed():
            background.stop()
            fleet.stop()
    console.say("Stopped.")


def _record(settings: "Settings", fleet: "Servers") -> None:
    import os

    from lake.running import RunningServers, write_record

    addresses = {server.name: server.url for server in fleet.servers if server.url}
    ports = [settings.app_port, settings.dagster_port, settings.mlflow_port, settings.crm_port, settings.inbound_port]
    write_record(settings, RunningServers(os.getpid(), addresses, ports, fleet.record()))


def _announce(fleet: "Servers") -> None:
    console.say("")
    for server in fleet.servers:
        if server.url:
            console.say(f"  {server.name:<12} {server.url}")
    console.say("\nServing until Ctrl-C.")


def _watch(settings: "Settings", fleet: "Servers", background: "Background") -> None:
    """Keeps servers and database alive until a signal ends it."""
    from lake.database import server_url

    last, known = 0.0, fleet.record()
    while True:
        fleet.revive()
        background.tell()
        if time.monotonic() - last > 5:
            last = time.monotonic()
            server_url(settings)  # starts the embedded server again if someone killed it
        if (now := fleet.record()) != known:
            known = now
            _record(settings, fleet)
        time.sleep(WATCH_SECONDS)


class Background:
    """A command that runs beside the servers; when it ends, its outcome is told once."""

    def __init__(self, settings: "Settings", command: list[str] | None) -> None:
        self.command = command
        self.log = settings.folder("logs") / "background-run.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.began = 0.0

    def start(self) -> None:
        """Starts it, if there is one."""
        if self.command is not None:
            console.say("The incremental run goes on in the background.")
            self.began = time.monotonic()
            with self.log.open("wb") as said:
                self.process = subprocess.Popen(
                    self.command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, start_new_session=True
                )

    def tell(self) -> None:
        """Says how it ended, once it has."""
        from apps.cli.children import tail

        if self.process is not None and (code := self.process.poll()) is not None:
            self.process = None
            if code == 0:
                console.say(f"The run in the background is done ({time.monotonic() - self.began:.0f} s).")
            else:
                console.say(f"The run in the background failed; what was there before is still served:\n{tail(self.log)}")

    def stop(self) -> None:
        """Ends it with all its descendants."""
        from apps.cli.children import end_group

        end_group(self.process)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C while children are being ended would leave some behind; ending takes seconds at most."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_left_behind(settings: "Settings") -> None:
    """Ends the servers of a `grimoire up` that was killed; we hold the lock, so nobody watches over them."""
    from apps.cli.children import end_left_behind
    from lake.running import left_behind

    record = left_behind(settings)
    for name in end_left_behind(record.children) if record else []:
        console.say(f"Ended {name} of an earlier run that was killed.")


def stop() -> None:
    """Ends a `grimoire up` that runs in another window or was killed.

    Example:

    $ grimoire stop
    """
    import os

    from lake.errors import PlatformError
    from lake.running import running_servers
    from lake.settings import get_settings

    settings = get_settings()
    running = running_servers(settings)
    if running is None:
        _end_left_behind(settings)
        console.say("Nothing is being served.")
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM) if running.pid else None
    deadline = time.monotonic() + 60
    while running_servers(settings) is not None or _runs(running.pid):  # it stops its database after it has let go of the lock
        if time.monotonic() > deadline:
            raise PlatformError(f"Process {running.pid} does not end.", remedy=f"End it: kill -9 {running.pid}")
        time.sleep(0.2)
    console.say("Stopped.")


def _runs(pid: int) -> bool:
    import psutil

    try:
        return pid > 0 and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def status(as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False) -> None:
    """Says what is being served, and what the lake holds.

    Examples:

    $ grimoire status

    $ grimoire status --json
    """
    found = _standing()
    if as_json:
        console.print_json(found)
    else:
        console.print_table(["Grimoire", ""], [(name.replace("_", " "), value) for name, value in found.items()])


def _standing() -> dict[str, Any]:
    import lake
    from lake.database import CATALOG, database_url
    from lake.running import running_servers

    settings = lake.get_settings()
    running = running_servers(settings)
    database_url(CATALOG, settings=settings)
    with lake.connect(read_only=True, settings=settings) as connection:
        names = {f"{schema}.{name}" for schema, name in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'lake'").fetchall()}  # fmt: skip

        def ask(table: str, what: str) -> Any:
            row = connection.execute(f"select {what} from {table}").fetchone() if table in names else None
            return row[0] if row else None

        return {
            "home": str(settings.home),
            "database": "embedded" if settings.database_url is None else "GRIMOIRE_DATABASE_URL",
            "served_by_process": running.pid if running else None,
            "addresses": running.addresses if running else {},
            "snapshot_id": lake.current_snapshot(connection),
            "tables": len(names),
            "processes": ask("platform.processes", "count(*)"),
            "last_load": ask("platform.loads", "max(finished_at)"),
            "last_mined": ask("mining.logs", "max(computed_at)"),
            "last_forecast": ask("forecasts.forecasts", "max(computed_at)"),
            "quarantined_rows": ask("quarantine.rows", "count(*) filter (where source <> 'event_logs')"),
        }
