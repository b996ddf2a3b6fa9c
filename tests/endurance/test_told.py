"""What a person is told of each fault, by a daemon and a code server as they are deployed, over a
webhook: a killed run, a held file, a raw table that is gone, a definition that is wrong, a segment
that is held. `make two-days` runs it; a refresh or two for each.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import pytest
import sqlalchemy as sa
import yaml
from alerts_kit import SECRET_VARIABLE, URL_VARIABLE, AlertReceiver, free_port
from project import PROJECT_DIR, Project, edited_sources

from orchestration.demo_receiver import DemoReceiver
from orchestration.orphaned_runs import wait_for_server

DEPLOY = PROJECT_DIR / "deploy"
INSTANT = "2026-07-01T00:00:00Z"
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
LONGEST = 600.0
Found = TypeVar("Found")


@dataclass
class Deployment:
    """A project that Dagster's daemon runs, and who is told."""

    project: Project
    home: Path
    receiver: AlertReceiver
    instance: dg.DagsterInstance

    @property
    def environment(self) -> dict[str, str]:
        return self.project.environment | {"DAGSTER_HOME": str(self.home)}

    def start(self) -> str:
        """Asks for a refresh as `dagster job launch` does; the id of its run."""
        before = {run.run_id for run in self.instance.get_runs()}
        config = {"resources": {"instant": {"config": {"as_of": INSTANT}}}}
        subprocess.run(
            [
                sys.executable, "-m", "dagster", "job", "launch",
                "--workspace", str(self.home / "workspace.yaml"), "--location", "strata",
                "--job", "refresh", "--config-json", json.dumps(config),
            ],
            env=self.environment, cwd=self.project.folder, check=True, capture_output=True,
        )  # fmt: skip
        [run_id] = {run.run_id for run in self.instance.get_runs()} - before
        return run_id

    def refresh(self) -> dg.DagsterRunStatus:
        """A refresh from the queue to its end, without what Dagster tries again."""
        run_id = self.start()
        return until(lambda: self.status(run_id))

    def status(self, run_id: str) -> dg.DagsterRunStatus | None:
        run = self.instance.get_run_by_id(run_id)
        return run.status if run and run.status in ENDED else None

    def told(self, event: str, kind: str, since: int) -> dict[str, Any]:
        """Waits for an alert, among what was told after the first `since` messages."""

        def look() -> dict[str, Any] | None:
            said = [one for message in self.receiver.told[since:] for one in message]
            found = [one for one in said if (one["event"], one["kind"]) == (event, kind)]
            return found[0] if found else None

        return until(look)


def until(look: Callable[[], Found | None]) -> Found:
    """What there is after a while."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        if (found := look()) is not None:
            return found
        time.sleep(1)
    raise AssertionError(f"not seen in {LONGEST} s")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The demo company, refreshed once; code server and daemon with the files of deploy/.

    Dagster's own state is in a file instead of PostgreSQL.
    """
    folder = tmp_path_factory.mktemp("deployment")
    settings = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
    settings["vars"]["alerts"] = {
        "webhook": {"url": f"env:{URL_VARIABLE}", "secret_env": SECRET_VARIABLE}
    }
    sources = edited_sources(folder / "sources", {"dbt_project.yml": yaml.safe_dump(settings)})
    home, port = folder / "home", str(free_port())
    home.mkdir()
    dagster = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    del dagster["storage"], dagster["compute_logs"]
    (home / "dagster.yaml").write_text(yaml.safe_dump(dagster))
    workspace = (DEPLOY / "workspace.yaml").read_text().replace("4266", port)
    (home / "workspace.yaml").write_text(workspace)
    with AlertReceiver() as receiver, DemoReceiver() as playbook:
        said = {
            URL_VARIABLE: receiver.url, SECRET_VARIABLE: receiver.secret,
            "STRATA_PLAYBOOK_URL": playbook.url, "STRATA_PLAYBOOK_SECRET": playbook.secret,
        }  # fmt: skip
        project = Project(folder, settings=said, sources=sources)
        assert project.dbt("seed", "--select", "path:seeds/demo").returncode == 0
        with dg.DagsterInstance.from_config(str(home)) as instance:
            made = Deployment(project, home, receiver, instance)
            server = ["api", "grpc", "--module-name", "orchestration.definitions"]
            place = ["--host", "127.0.0.1", "--port", port]
            daemon = ["run", "--workspace", str(home / "workspace.yaml")]
            with (
                serving(made, "dagster", *server, *place),
                serving(made, "dagster._daemon", *daemon),
            ):
                assert wait_for_server("127.0.0.1", int(port))
                assert made.refresh() == dg.DagsterRunStatus.SUCCESS
                yield made


@contextmanager
def serving(deployment: Deployment, module: str, *arguments: str) -> Iterator[None]:
    """A process beside the test; what it says is kept in the deployment's folder."""
    with (
        (deployment.home / f"{module}.log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=deployment.environment, cwd=deployment.project.folder, stdout=log, stderr=log,
        ) as process,
    ):  # fmt: skip
        try:
            yield
        finally:
            process.terminate()


@pytest.fixture
def so_far(deployment: Deployment) -> int:
    """How many messages there were before the test."""
    return len(deployment.receiver.told)


def healed(deployment: Deployment, kind: str, so_far: int) -> None:
    """The next refresh goes well, and that it does is told."""
    assert deployment.refresh() == dg.DagsterRunStatus.SUCCESS
    deployment.told("resolved", kind, so_far)


def test_a_run_whose_process_is_killed_is_tried_again(deployment: Deployment, so_far: int) -> None:
    run_id = deployment.start()

    def process() -> int | None:
        logs = deployment.instance.all_logs(run_id)
        steps = [one.dagster_event.step_key for one in logs if one.dagster_event]
        words = "\n".join(str(one.message) for one in logs)
        begun = re.search(r"\(pid: (\d+)\)", words)
        return int(begun[1]) if begun and "write" in steps else None

    subprocess.run(["kill", "-9", str(until(process))], check=True)
    alert = deployment.told("opened", "failed_job", so_far)
    assert alert["about"] == "refresh"
    assert "terminated by signal 9" in alert["message"]
    assert alert["command"] == f"nothing yet: Dagster tries the run {run_id} again"
    deployment.told("resolved", "failed_job", so_far)


def test_a_file_that_is_held_is_told_with_who_holds_it(deployment: Deployment, so_far: int) -> None:
    file = str(deployment.project.duckdb)
    code = f"import duckdb, sys; held = duckdb.connect({file!r}); print(); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-uc", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert deployment.refresh() == dg.DagsterRunStatus.FAILURE
        alert = deployment.told("opened", "failed_job", so_far)
        holder.terminate()
    assert file in alert["message"]
    assert str(holder.pid) in alert["message"]
    healed(deployment, "failed_job", so_far)


@contextmanager
def edited(deployment: Deployment, segment: str, found: str, words: str) -> Iterator[None]:
    """A segment's file with other words, as an editor leaves it; afterwards as it was."""
    [path] = (deployment.project.sources / "macros" / "segments").rglob(f"{segment}.sql")
    before = path.read_text()
    assert found in before
    path.write_text(before.replace(found, words))
    try:
        yield
    finally:
        path.write_text(before)


def changed(deployment: Deployment, statement: str) -> None:
    """Changes the warehouse, as soon as no process of the deployment has its file open."""

    def tried() -> bool | None:
        try:
            deployment.project.execute(statement)
        except sa.exc.OperationalError:
            return None
        return True

    until(tried)


def test_a_raw_table_that_is_gone_is_told_with_its_name(
    deployment: Deployment, so_far: int
) -> None:
    changed(deployment, "alter table raw_hubspot.contact rename to contact_gone")
    assert deployment.refresh() == dg.DagsterRunStatus.FAILURE
    alert = deployment.told("opened", "failed_run", so_far)
    assert "raw_hubspot.contact" in alert["message"]
    assert alert["affects"].startswith("every segment and audience: they stay as they were")
    assert alert["command"] == "strata refresh"
    changed(deployment, "alter table raw_hubspot.contact_gone rename to contact")
    healed(deployment, "failed_run", so_far)


def test_a_definition_that_is_wrong_is_told_with_its_file(
    deployment: Deployment, so_far: int
) -> None:
    with edited(deployment, "champions", "c.rfm_cell", "c.rfm_sell"):
        assert deployment.refresh() == dg.DagsterRunStatus.FAILURE
        alert = deployment.told("opened", "failed_run", so_far)
    assert "macros/segments/value/champions.sql" in alert["message"]
    assert "rfm_sell" in alert["message"]
    healed(deployment, "failed_run", so_far)


def test_a_segment_that_is_held_is_told_with_why(deployment: Deployment, so_far: int) -> None:
    with edited(deployment, "champions", "min_size=5,", "min_size=5000,"):
        assert deployment.refresh() == dg.DagsterRunStatus.SUCCESS
        alert = deployment.told("opened", "held_segment", so_far)
    assert alert["about"] == "champions"
    assert "fewer than the minimum of 5000" in alert["message"]
    assert alert["command"] == 'strata release champions --reason "..."'
    healed(deployment, "held_segment", so_far)
