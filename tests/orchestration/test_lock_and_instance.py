"""One run at a time, whoever holds the lock and however it ended; and Dagster's storage without a password in a file."""

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lake.errors import AlreadyRunningError
from orchestration.lock import is_running, road_lock
from orchestration.run import run_road

HOLD = """
import sys, time
from orchestration.lock import road_lock
with road_lock():
    print("held", flush=True)
    time.sleep(60)
"""


def holder() -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline().strip() == "held"
    return process


def test_a_second_run_is_refused_and_a_killed_holder_leaves_no_stale_lock(grimoire_home: Path) -> None:
    with holder() as process:
        try:
            assert is_running()
            with pytest.raises(AlreadyRunningError, match=f"process {process.pid}"):
                run_road()
            process.send_signal(signal.SIGKILL)
            process.wait()
            with road_lock():
                assert is_running()
        finally:
            process.kill()
    assert not is_running()


def test_the_process_that_holds_the_lock_may_take_it_again(grimoire_home: Path) -> None:
    with road_lock():
        with road_lock():
            pass
        assert is_running(), "the inner one must not have freed it"
    assert not is_running()


def test_a_run_that_dagster_starts_by_itself_respects_the_lock(grimoire_home: Path) -> None:
    import dagster as dg
    from dagster._core.errors import DagsterResourceFunctionError

    from orchestration.lock import RESOURCE, road_lock_resource

    @dg.asset(required_resource_keys={RESOURCE})
    def anything() -> None:
        """Stands for every step of the road."""

    with holder() as process:
        try:
            with dg.DagsterInstance.ephemeral() as instance, pytest.raises(DagsterResourceFunctionError) as caught:
                dg.materialize([anything], resources={RESOURCE: road_lock_resource}, instance=instance)
            assert isinstance(caught.value.__cause__, AlreadyRunningError)
        finally:
            process.kill()


@pytest.mark.slow
def test_the_instance_keeps_its_events_in_postgresql_and_no_address_in_its_file(grimoire_home: Path) -> None:
    from orchestration.instance import ADDRESS_VARIABLE, dagster_environment, open_instance

    with open_instance() as instance:
        assert type(instance.event_log_storage).__name__ == "PostgresEventLogStorage"
        assert not instance.telemetry_enabled
        assert instance.get_runs() == []
    written = (grimoire_home / "dagster" / "dagster.yaml").read_text()
    assert yaml.safe_load(written)["storage"]["postgres"]["postgres_url"] == {"env": ADDRESS_VARIABLE}
    assert dagster_environment()[ADDRESS_VARIABLE] not in written
    assert not (grimoire_home / "dagster" / "dagster.yaml").stat().st_mode & stat.S_IWOTH


@pytest.mark.slow
def test_a_run_whose_process_was_killed_is_marked_as_failed(grimoire_home: Path) -> None:
    import dagster as dg

    from orchestration.instance import open_instance
    from orchestration.run import end_abandoned_runs

    @dg.job
    def empty() -> None:
        """A run that never ends."""

    with open_instance() as instance:
        run = instance.create_run_for_job(empty, status=dg.DagsterRunStatus.STARTED)
        end_abandoned_runs(instance)
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
