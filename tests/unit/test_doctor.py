"""What `strata doctor` says of an installation with one thing wrong with it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
import yaml
from activation_kit import SECRET, SECRET_VARIABLE, Warehouse, make_sync, open_warehouse
from project import PROJECT_DIR, Project
from sqlalchemy.pool import NullPool

import orchestration.project as settings_of_project
from orchestration.destinations.file.settings import FileSettings
from orchestration.destinations.webhook.settings import WebhookSettings
from orchestration.doctor import installed, project, sources, state, warehouse
from orchestration.doctor.checks import CHECKS, Check, examine
from orchestration.doctor.result import Installation, Result, Status, ok
from orchestration.project import utc_now
from orchestration.warehouse import engine


def only(check: Check, found: Installation | None = None) -> Result:
    """The one result of a check."""
    [result] = check(found or Installation(None))
    return result


@contextmanager
def variables(monkeypatch: pytest.MonkeyPatch, folder: Path, **changes: object) -> Iterator[None]:
    """The project with other variables in dbt_project.yml; None takes one out."""
    said = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
    said["vars"] = {**said["vars"], **changes}
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(said, sort_keys=False))
    with monkeypatch.context() as patched:
        patched.setattr(settings_of_project, "PROJECT_DIR", folder)
        yield


# What is installed


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The metadata of an installed project that is found before the true one."""
    folder = tmp_path / "strata_segments-9.dist-info"
    folder.mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    return folder / "METADATA"


HEADER = "Metadata-Version: 2.1\nName: strata-segments\nVersion: 9\nRequires-Python: >=3.11\n"


def test_the_installed_packages_are_as_the_project_asks() -> None:
    result = only(installed.versions)
    assert result.status is Status.OK, result
    assert "dbt-core 1.11" in result.found


@pytest.mark.parametrize(
    ("requirements", "status", "words"),
    [
        (["duckdb>=99"], Status.FAILED, ["duckdb", ">=99"]),
        (["no-such-package"], Status.FAILED, ["no-such-package is not installed"]),
        (['ruff>=99; extra == "dev"'], Status.WARNING, ["ruff", ">=99"]),
        (['no-such-package; extra == "dev"'], Status.OK, []),
    ],
)
def test_versions_are_compared_with_what_the_project_asks(
    distribution: Path, requirements: list[str], status: Status, words: list[str]
) -> None:
    distribution.write_text(HEADER + "".join(f"Requires-Dist: {one}\n" for one in requirements))
    result = only(installed.versions)
    assert result.status is status, result
    assert [word for word in words if word not in result.found] == []


def test_another_python_is_told(distribution: Path) -> None:
    distribution.write_text(HEADER.replace(">=3.11", "<3"))
    assert "needs <3" in only(installed.versions).found


@pytest.mark.parametrize(
    ("page", "status", "words"),
    [
        (None, Status.FAILED, "there is no file"),
        ("storage: {}", Status.WARNING, "telemetry is on"),
        ("telemetry: {enabled: false}", Status.OK, "telemetry off"),
    ],
)
def test_dagster_has_a_home_where_nobody_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    page: str | None,
    status: Status,
    words: str,
) -> None:
    monkeypatch.delenv("DAGSTER_DISABLE_TELEMETRY", raising=False)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    if page is not None:
        (tmp_path / "dagster.yaml").write_text(page)
    result = only(installed.dagster)
    assert (result.status, words in result.found) == (status, True), result


def test_without_a_home_dagster_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert only(installed.dagster).status is Status.WARNING


def test_traces_that_cannot_be_made_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    assert list(installed.traces(Installation(None))) == []
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    assert only(installed.traces).status is Status.OK
    monkeypatch.setattr(installed, "find_spec", lambda _: None)
    assert only(installed.traces).status is Status.WARNING


# What the project's files say


def test_a_variable_that_nothing_reads_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with variables(monkeypatch, tmp_path, frequency_cap={}):
        wrong, right = project.settings(Installation(None))
    assert wrong.status is Status.WARNING
    assert "frequency_cap, which nothing reads" in wrong.found
    assert "frequency_caps?" in wrong.found
    assert right.status is Status.OK


def test_the_projects_own_variables_are_all_read() -> None:
    assert only(project.settings).status is Status.OK


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"demo_data": False}, "demo_data is false"),
        ({"as_of": None}, "as_of is not set"),
    ],
)
def test_an_instant_that_does_not_go_with_the_data_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], words: str
) -> None:
    with variables(monkeypatch, tmp_path, **changes):
        wrong, _ = project.settings(Installation(None))
    assert (wrong.status, words in wrong.found) == (Status.WARNING, True), wrong


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("vars: {drift: {max_psy: 1}}", "max_psi"),
        ("vars: {as_of: tomorrow}", "'tomorrow'"),
        ("vars: [", "ParserError"),
    ],
)
def test_settings_that_cannot_be_read_are_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    (tmp_path / "dbt_project.yml").write_text(text)
    monkeypatch.setattr(settings_of_project, "PROJECT_DIR", tmp_path)
    [result] = examine(None, {"settings": project.settings})
    assert (result.status, words in result.found) == (Status.FAILED, True), result


def test_every_mistake_of_a_sync_is_a_line() -> None:
    found = Installation(None)
    exposure = {"name": "sync_x", "meta": {"destination": "fax"}, "depends_on": {"nodes": []}}
    found.manifest = {"exposures": {"exposure.strata.sync_x": exposure}, "nodes": {}}
    results = list(project.syncs(found))
    assert len(results) > 3
    assert {one.status for one in results} == {Status.FAILED}
    assert any("unknown destination 'fax'" in one.found for one in results)
    assert examine(None, {"credentials": project.credentials})[0].status is Status.WARNING


def test_secrets_that_are_not_set_are_named_and_no_value_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = WebhookSettings(url="env:STRATA_TEST_URL", secret_env=SECRET_VARIABLE)
    found = Installation(None)
    found.syncs = [
        make_sync(webhook, name="sync_one"),
        make_sync(FileSettings(path=str(tmp_path / "x.csv"), format="csv"), name="sync_two"),
    ]
    monkeypatch.setenv("STRATA_TEST_URL", "http://127.0.0.1:9/hidden")
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    without, file = project.credentials(found)
    assert (without.check, without.status) == ("credentials sync_one", Status.FAILED)
    assert SECRET_VARIABLE in without.found
    assert "hidden" not in without.found
    assert file.status is Status.OK
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    with_secret, _ = project.credentials(found)
    assert with_secret.status is Status.OK
    assert SECRET not in json.dumps(with_secret.as_json())


def test_variables_that_alerts_name_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_TEST_THERE", "https://hidden.example")
    monkeypatch.delenv("STRATA_TEST_GONE", raising=False)
    channels = {
        "ops": {"url_env": "STRATA_TEST_THERE"},
        "mail": [{"password_env": "STRATA_TEST_GONE"}],
    }
    with variables(monkeypatch, tmp_path, alerts={"channels": channels}):
        there, gone = project.alerts(Installation(None))
    assert there == ok(
        "credentials alerts", "alerts.channels.ops.url_env: STRATA_TEST_THERE is set"
    )
    assert gone.status is Status.FAILED
    assert "alerts.channels.mail[0].password_env" in gone.found
    assert "STRATA_TEST_GONE" in gone.found
    assert list(project.alerts(Installation(None))) == []


# The warehouse


def on(kind: str, **place: Any) -> Installation:
    """An installation whose profile says this."""
    found = Installation(None)
    found.profile = SimpleNamespace(
        target_name=kind, credentials=SimpleNamespace(type=kind, **place)
    )
    return found


def on_duckdb(path: Path, manifest: Mapping[str, Any] | None = None) -> Installation:
    """An installation on a DuckDB file, which is opened if it is there."""
    found = on("duckdb", path=str(path))
    found.manifest = manifest or {"nodes": {}, "sources": {}}
    if path.exists():
        address = f"duckdb:///{path}"
        found.warehouse = sa.create_engine(
            address, poolclass=NullPool, connect_args={"read_only": True}
        )
    return found


def test_a_target_that_there_is_not_is_told_and_the_rest_is_not_looked_at() -> None:
    results = examine("bigquery", {"profile": warehouse.profile, "warehouse": warehouse.opens})
    assert [one.status for one in results] == [Status.FAILED, Status.WARNING]
    assert "bigquery" in results[0].found
    assert "duckdb" in results[0].found
    assert "not looked at" in results[1].found


def test_a_file_that_is_not_there_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "none.duckdb"
    result = only(warehouse.opens, on_duckdb(path))
    assert (result.status, str(path) in result.found) == (Status.WARNING, True)
    (tmp_path / "project").mkdir()
    with variables(monkeypatch, tmp_path / "project", demo_data=False, as_of=None):
        assert only(warehouse.opens, on_duckdb(path)).status is Status.FAILED
    assert not path.exists()


def test_a_file_that_another_process_holds_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "held.duckdb"
    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(path))
    holding = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holding, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        results = examine("duckdb", {"profile": warehouse.profile, "warehouse": warehouse.opens})
        process.communicate(b"\n")
    assert results[1].status is Status.FAILED
    assert f"held by process {process.pid}" in results[1].found


def test_the_file_is_opened_for_reading_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "there.duckdb"
    duckdb.connect(str(path)).close()
    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(path))
    found = Installation("duckdb")
    only(warehouse.profile, found)
    assert only(warehouse.opens, found).status is Status.OK
    with (
        pytest.raises(sa.exc.DBAPIError, match="read-only"),
        found.warehouse.connect() as connection,
    ):
        connection.execute(sa.text("create table x (a int)"))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    found = on_duckdb(tmp_path / "x.duckdb")
    assert only(warehouse.disk, found).status is Status.OK
    tmp_path.chmod(0o555)
    mine = os.geteuid()
    if mine == 0:
        # Nothing is forbidden to root: look as somebody else, from where the path is known.
        os.seteuid(65534)
    try:
        [result] = examine(None, {"disk": lambda _: warehouse.disk(found)})
    finally:
        os.seteuid(mine)
        tmp_path.chmod(0o755)
    assert (result.status, "cannot be written" in result.found) == (Status.FAILED, True), result


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    found = on("duckdb", path=str(tmp_path / "none" / "x.duckdb"))
    result = only(warehouse.disk, found)
    assert result.status is Status.FAILED
    assert result.found == f"the folder {tmp_path / 'none'} does not exist"


def test_too_little_room_for_the_file_once_more_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.duckdb").write_bytes(b"x" * 1000)
    found = on("duckdb", path=str(tmp_path / "x.duckdb"))
    monkeypatch.setattr(warehouse, "disk_usage", lambda _: SimpleNamespace(free=999))
    assert only(warehouse.disk, found).status is Status.WARNING


def node(schema: str, alias: str, kind: str = "model") -> dict[str, Any]:
    """A node of the manifest that a refresh writes."""
    return {
        "schema": schema,
        "alias": alias,
        "resource_type": kind,
        "fqn": ["strata", schema, alias],
        "config": {"materialized": "table"},
        "depends_on": {"nodes": []},
    }


@pytest.fixture
def as_role(postgres_url: str, postgres_cluster: dict[str, str]) -> Iterator[Installation]:
    """An installation on PostgreSQL whose user may do no more than connect and look."""
    name = "role_" + os.urandom(4).hex()
    admin = sa.create_engine(postgres_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"create role {name} login"))
        for statement in (
            "create schema segments",
            "create table segments.segment_membership (a int)",
            "create schema raw_x",
            "create table raw_x.contact (id int)",
        ):
            connection.execute(sa.text(statement))
    found = on(
        "postgres",
        host="127.0.0.1",
        port=int(postgres_cluster["STRATA_POSTGRES_PORT"]),
        database=sa.make_url(postgres_url).database,
        user=name,
    )
    url = sa.make_url(postgres_url).set(username=name)
    found.warehouse = sa.create_engine(url, poolclass=NullPool).execution_options(
        postgresql_readonly=True
    )
    found.manifest = {
        "nodes": {
            "m": node("segments", "segment_membership"),
            "a": node("analytics", "segment_trend"),
        },
        "sources": {},
    }
    yield found
    with admin.connect() as connection:
        connection.execute(sa.text(f"drop owned by {name}"))
        connection.execute(sa.text(f"drop role {name}"))


@pytest.mark.postgres
def test_a_role_without_rights_is_told_which_it_needs(
    as_role: Installation, postgres_url: str
) -> None:
    results = list(warehouse.permissions(as_role))
    assert {one.status for one in results} == {Status.FAILED}
    said = " | ".join(one.found + one.todo for one in results)
    assert "may not make the schemas analytics" in said
    assert "may not make tables in segments" in said
    assert "does not own segments.segment_membership (strata)" in said
    user = as_role.profile.credentials.user
    owner = sa.create_engine(postgres_url, poolclass=NullPool)
    with owner.begin() as connection:
        for statement in (
            f"grant create on database {sa.make_url(postgres_url).database} to {user}",
            f"grant usage, create on schema segments to {user}",
            f"alter table segments.segment_membership owner to {user}",
        ):
            connection.execute(sa.text(statement))
    assert only(warehouse.permissions, as_role).status is Status.OK


@pytest.mark.postgres
def test_a_raw_table_that_may_not_be_read_is_no_missing_one(as_role: Installation) -> None:
    as_role.manifest = {**NEEDS_CONTACTS, "nodes": {**NEEDS_CONTACTS["nodes"]}}
    result = only(sources.sources, as_role)
    assert (result.status, "not readable: raw_x.contact" in result.found) == (Status.FAILED, True)
    assert "Grant" in result.todo


@pytest.mark.postgres
def test_a_clock_that_differs_is_told(
    as_role: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert only(warehouse.clocks, as_role).status is Status.OK
    monkeypatch.setattr(warehouse, "utc_now", lambda: utc_now() + timedelta(minutes=5))
    result = only(warehouse.clocks, as_role)
    assert (result.status, "+300 s" in result.found) == (Status.WARNING, True)


@pytest.mark.postgres
def test_the_server_says_its_version_and_a_silent_one_is_a_failure(
    postgres_cluster: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in postgres_cluster.items():
        monkeypatch.setenv(name, value)
    checks = {"profile": warehouse.profile, "warehouse": warehouse.opens}
    _, there = examine("postgres", checks)
    assert there.status is Status.OK, there
    assert "PostgreSQL" in there.found
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("STRATA_POSTGRES_PORT", str(closed.getsockname()[1]))
        _, gone = examine("postgres", checks)
    assert (gone.status, "cannot be reached" in gone.found) == (Status.FAILED, True)


# Raw tables

NEEDS_CONTACTS: dict[str, Any] = {
    "nodes": {
        "model.stg": {
            **node("staging", "stg_x__contacts"),
            "fqn": ["strata", "staging", "crm", "x", "stg_x__contacts"],
            "depends_on": {"nodes": ["source.x.contact", "source.x.deal"]},
        }
    },
    "sources": {
        "source.x.contact": {
            "source_name": "x", "name": "contact", "identifier": "contact", "schema": "raw_x",
            "meta": {},
            "columns": {
                "id": {"meta": {"required": True}}, "email": {"meta": {}}, "phone": {"meta": {}},
            },
        },
        "source.x.deal": {
            "source_name": "x", "name": "deal", "identifier": "deal", "schema": "raw_x",
            "meta": {"optional": True}, "columns": {"id": {"meta": {"required": True}}},
        },
        "source.y.unused": {
            "source_name": "y", "name": "unused", "identifier": "unused", "schema": "raw_y",
            "meta": {}, "columns": {},
        },
    },
}  # fmt: skip

TABLE = ["create schema raw_x", "create table raw_x.contact (ID int, email text)"]
ROW = "insert into raw_x.contact values (1, 'a@b.example')"
LATE = [
    "create schema operations",
    "create table operations.source_freshness as select 'x' as source_system, 'contact' as "
    "table_name, 'error' as status, 100 as hours_behind, timestamp '2026-01-01' as as_of",
]


@pytest.mark.parametrize(
    ("statements", "status", "words"),
    [
        ([], Status.FAILED, "missing: raw_x.contact"),
        (TABLE, Status.WARNING, "empty: raw_x.contact"),
        ([*TABLE, ROW], Status.OK, "read as empty: contact.phone"),
        ([*TABLE, ROW], Status.OK, "absent, and optional: raw_x.deal"),
        ([*TABLE, ROW, *LATE], Status.FAILED, "not loaded any more: contact (100 hours before"),
        (
            ["create schema raw_x", "create table raw_x.contact as select 'a' as email"],
            Status.FAILED,
            "without a column that is required: raw_x.contact: id",
        ),
    ],
)
def test_raw_tables_are_there_with_their_columns_and_rows(
    tmp_path: Path, statements: list[str], status: Status, words: str
) -> None:
    path = tmp_path / "x.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)
    result = only(sources.sources, on_duckdb(path, NEEDS_CONTACTS))
    assert result.check == "sources x"
    assert (result.status, words in result.found) == (status, True), result


def test_a_table_of_the_demo_comes_with_the_first_refresh(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    duckdb.connect(str(path)).close()
    seed = node("raw_x", "contact", "seed")
    manifest = {**NEEDS_CONTACTS, "nodes": {**NEEDS_CONTACTS["nodes"], "seed.x": seed}}
    result = only(sources.sources, on_duckdb(path, manifest))
    assert (result.status, "not there yet" in result.found) == (Status.WARNING, True), result


# State


@pytest.fixture
def kept(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Warehouse]:
    """A warehouse with the state tables."""
    request.param = "duckdb"
    for opened in open_warehouse(request, tmp_path):
        opened.do(
            "create table operations.runs (run_id text, as_of timestamp, state text, step text, "
            "ended_at timestamp, error text)"
        )
        yield opened


def looked_at(kept: Warehouse) -> dict[str, Result]:
    """What is said of it, by check."""
    found = on("duckdb")
    found.warehouse = kept.engine
    return {one.check: one for one in state.state(found)}


def ended(kept: Warehouse, how: str, error: str | None = None) -> None:
    """A refresh ended."""
    kept.do(
        "insert into operations.runs values ('r1', timestamp '2026-07-01', :how, 'publish', "
        "timestamp '2026-07-01 01:00:00', :error)",
        how=how,
        error=error,
    )


def test_no_refresh_yet_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    duckdb.connect(str(path)).close()
    result = only(state.state, on_duckdb(path))
    assert (result.status, "no refresh" in result.found) == (Status.WARNING, True)


def test_a_state_table_that_lacks_a_column_waits_for_the_next_refresh(kept: Warehouse) -> None:
    kept.do("alter table activation.sync_observed drop column reading_id")
    result = looked_at(kept)["state"]
    assert (result.status, "reading_id" in result.found) == (Status.WARNING, True)


def test_the_last_refresh_is_told(kept: Warehouse) -> None:
    assert looked_at(kept)["last run"].status is Status.WARNING
    ended(kept, "succeeded")
    result = looked_at(kept)["last run"]
    assert (result.status, "succeeded at 2026-07-01 01:00Z" in result.found) == (Status.OK, True)


def test_a_last_refresh_that_failed_is_a_failure_with_its_words(kept: Warehouse) -> None:
    ended(kept, "failed", "the table x\nis gone")
    result = looked_at(kept)["last run"]
    assert result.status is Status.FAILED
    assert "in the step publish: the table x is gone" in result.found


@pytest.mark.parametrize(
    ("holder", "minutes", "status", "words"),
    [
        (f"{socket.gethostname()}:{os.getpid()}", 4, Status.OK, "running: sync_x by"),
        (f"{socket.gethostname()}:4194305", 4, Status.WARNING, "cut off: sync_x"),
        ("elsewhere:1", -1, Status.WARNING, "cut off: sync_x"),
    ],
    ids=["going on", "process gone", "expired"],
)
def test_leases_that_are_held_and_those_of_who_is_gone(
    kept: Warehouse, holder: str, minutes: int, status: Status, words: str
) -> None:
    assert looked_at(kept)["leases"].found == "neither a refresh nor a sync is running"
    kept.do(
        "insert into operations.leases values (:name, 's1', :holder, :now, :until)",
        name="sync_x",
        holder=holder,
        now=utc_now(),
        until=utc_now() + timedelta(minutes=minutes),
    )
    kept.do("insert into operations.sync_runs (sync_run_id, state) values ('s1', 'running')")
    result = looked_at(kept)["leases"]
    assert (result.status, words in result.found) == (status, True), result
    kept.do("delete from operations.sync_runs")
    kept.do("update operations.leases set lease_name = 'refresh'")
    kept.do("insert into operations.runs (run_id, state) values ('s1', 'running')")
    result = looked_at(kept)["leases"]
    assert (result.status, words.replace("sync_x", "refresh") in result.found) == (status, True)


# Dagster


def test_dagsters_database_is_opened_and_a_refusal_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (PROJECT_DIR / "deploy" / "dagster.yaml").read_text()
    (tmp_path / "dagster.yaml").write_text(page)
    settings = {
        "HOME": str(tmp_path), "PG_HOST": "127.0.0.1", "PG_PORT": "1", "PG_USER": "dagster",
        "PG_PASSWORD": "hushhush", "PG_DATABASE": "dagster",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(f"DAGSTER_{name}", value)
    [result] = installed.dagster(Installation(None))
    assert result.status == Status.FAILED
    assert "its database cannot be opened: " in result.found
    assert "refused" in result.found
    assert "hushhush" not in f"{result.found} {result.todo}"


@pytest.mark.postgres
def test_a_database_of_dagsters_that_opens_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    url = sa.make_url(postgres_url)
    place = {
        "hostname": url.host, "port": url.port, "username": url.username, "password": "",
        "db_name": url.database,
    }  # fmt: skip
    settings = {"storage": {"postgres": {"postgres_db": place}}, "telemetry": {"enabled": False}}
    (tmp_path / "dagster.yaml").write_text(json.dumps(settings))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    [result] = installed.dagster(Installation(None))
    assert (result.status, result.todo) == (Status.OK, "")
    with sa.create_engine(postgres_url).connect() as connection:
        assert sa.inspect(connection).get_table_names() == []


# All of it


def test_a_check_that_raises_is_a_failure_and_the_others_still_run() -> None:
    def raises(_: Installation) -> Iterator[Result]:
        yield ok("first", "so far")
        raise ZeroDivisionError("no number")

    results = examine(None, {"first": raises, "second": lambda _: iter([ok("second", "fine")])})
    assert [(one.check, one.status) for one in results] == [
        ("first", Status.OK),
        ("first", Status.FAILED),
        ("second", Status.OK),
    ]
    assert "ZeroDivisionError: no number" in results[1].found


@pytest.mark.slow
def test_a_new_checkout_is_looked_at_without_changing_it(tmp_path: Path) -> None:
    looked = Project(tmp_path, settings={"DAGSTER_HOME": str(tmp_path), "STRATA_PLAYBOOK_URL": ""})
    done = looked.strata("doctor", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["status"] == "failed"
    statuses = {one["check"]: one["status"] for one in said["checks"]}
    names = list(CHECKS)
    order = [names.index(" ".join(check.split(" sync_")[:1])) for check in statuses]
    assert order == sorted(order)
    assert statuses["project"] == statuses["syncs"] == "ok"
    assert statuses["warehouse"] == statuses["sources"] == "warning"
    assert statuses["credentials sync_champions_file"] == "ok"
    assert statuses["credentials sync_at_risk_paying_webhook"] == "failed"
    assert statuses["Dagster"] == "failed"
    assert not looked.duckdb.exists()


@pytest.mark.slow
def test_an_unknown_system_is_told_with_those_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    (tmp_path / "project").mkdir()
    checks = {"profile": warehouse.profile, "project": project.models}
    with variables(monkeypatch, tmp_path / "project", strata_sources={"crm": "hubspott"}):
        _, result = examine("duckdb", checks)
    assert result.status is Status.FAILED
    assert "hubspott" in result.found
    assert "hubspot, generic, none" in result.found


def test_the_warehouse_for_looking_is_the_one_for_working(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(tmp_path / "x.duckdb"))
    with engine("duckdb").begin() as connection:
        connection.execute(sa.text("create table x as select 1 as a"))
    with engine("duckdb", read_only=True).connect() as connection:
        assert connection.execute(sa.text("select a from x")).scalar() == 1
