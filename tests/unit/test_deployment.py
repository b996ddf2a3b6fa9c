"""The files of deploy/, by the machinery that will read them, and the page that tells of them."""

import re
import subprocess
import sys
from collections.abc import Mapping
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.scheduler import DagsterDaemonScheduler
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster_docker import DockerRunLauncher
from dagster_k8s import K8sRunLauncher
from dagster_k8s.job import UserDefinedDagsterK8sConfig
from dotenv import dotenv_values
from packaging.requirements import Requirement
from project import PROJECT_DIR

DEPLOY = PROJECT_DIR / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
ENVIRONMENT = {name: value or "" for name, value in dotenv_values(DEPLOY / "strata.env").items()}
PAGE = (PROJECT_DIR / "docs" / "deployment.md").read_text()
LIMIT = {"key": "strata/warehouse", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}


def pinned() -> dict[str, str]:
    """The versions in requirements.lock."""
    lines = (PROJECT_DIR / "requirements.lock").read_text().splitlines()
    return dict(line.split("==") for line in lines if re.match(r"^[a-z0-9-]+==", line))


@pytest.fixture(params=["dagster.yaml", "dagster.docker.yaml"])
def instance(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> InstanceRef:
    """What Dagster makes of a dagster.yaml, every key and value judged by its schema."""
    for name, value in {**ENVIRONMENT, "DAGSTER_COMPUTE_LOGS": str(tmp_path / "logs")}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "dagster.yaml").write_text((DEPLOY / request.param).read_text())
    return InstanceRef.from_dir(str(tmp_path))


def test_dagster_accepts_the_instance(instance: InstanceRef) -> None:
    # Making the storage would connect to the server; its class and settings are judged.
    storage = instance.custom_instance_class_data or instance.storage_data
    assert storage is not None
    assert storage.class_name == "DagsterPostgresStorage"
    assert "DAGSTER_PG_PASSWORD" in storage.config_yaml
    coordinator = instance.run_coordinator
    assert isinstance(coordinator, QueuedRunCoordinator)
    limits = coordinator.get_run_queue_config().tag_concurrency_limits
    assert limits == [LIMIT]
    scheduler = instance.scheduler
    assert isinstance(scheduler, DagsterDaemonScheduler)
    assert scheduler.max_catchup_runs == 1
    logs = instance.compute_log_manager
    assert isinstance(logs, LocalComputeLogManager)
    settings: Any = instance.settings
    assert settings["telemetry"] == settings["nux"] == {"enabled": False}
    assert settings["run_monitoring"]["enabled"]
    assert settings["run_monitoring"]["max_runtime_seconds"] > 3600
    assert settings["run_retries"]["enabled"]
    assert settings["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert settings["retention"]["schedule"]["purge_after_days"]["skipped"] == 7


@pytest.mark.postgres
def test_dagster_keeps_its_state_in_postgresql(
    instance: InstanceRef,
    postgres_url: str,
    postgres_cluster: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DAGSTER_PG_PORT", postgres_cluster["STRATA_POSTGRES_PORT"])
    monkeypatch.setenv("DAGSTER_PG_USER", "strata")
    monkeypatch.setenv("DAGSTER_PG_DATABASE", str(sa.make_url(postgres_url).database))
    with dg.DagsterInstance.from_ref(instance) as opened:
        assert opened.get_runs_count() == 0
        assert opened.all_instigator_state() == []
    with sa.create_engine(postgres_url).connect() as connection:
        assert sa.inspect(connection).has_table("runs")


def test_a_wrong_key_would_be_refused(tmp_path: Path) -> None:
    text = (DEPLOY / "dagster.yaml").read_text().replace("max_catchup_runs", "max_catchup")
    (tmp_path / "dagster.yaml").write_text(text)
    with pytest.raises(Exception, match="max_catchup"):
        _ = InstanceRef.from_dir(str(tmp_path)).scheduler


def test_runs_in_containers_know_the_warehouse_and_dagsters_state(
    tmp_path: Path,
) -> None:
    (tmp_path / "dagster.yaml").write_text((DEPLOY / "dagster.docker.yaml").read_text())
    launcher = InstanceRef.from_dir(str(tmp_path)).run_launcher
    assert isinstance(launcher, DockerRunLauncher)
    passed = set(launcher.env_vars)
    read = set(re.findall(r"env_var\('(\w+)'", (PROJECT_DIR / "profiles.yml").read_text()))
    assert read - {"STRATA_DUCKDB_PATH"} <= passed
    named = set(re.findall(r"env: (\w+)", (DEPLOY / "dagster.docker.yaml").read_text()))
    assert named <= passed


def snake(name: str) -> str:
    """max_runs of maxRuns; an s that follows a digit is no word: run_k8s_config."""
    return re.sub(r"(?<=[a-z])([A-Z])|(?<=\ds)([A-Z])", lambda one: f"_{one[0].lower()}", name)


def test_values_for_helm_are_what_the_launcher_takes() -> None:
    from dagster._config import process_config, resolve_to_config_type

    values = yaml.safe_load((DEPLOY / "helm-values.yaml").read_text())
    assert values["runLauncher"]["type"] == K8sRunLauncher.__name__
    said = values["runLauncher"]["config"]["k8sRunLauncher"]
    config: dict[str, Any] = {snake(name): value for name, value in said.items()}
    # As the chart writes its dagster.yaml.
    config["env_secrets"] = [one["name"] for one in config["env_secrets"]]
    inner = {snake(name): value for name, value in config["run_k8s_config"].items()}
    config["run_k8s_config"] = inner
    config |= {"instance_config_map": "dagster-instance", "service_account_name": "dagster"}
    schema = resolve_to_config_type(K8sRunLauncher.config_type())  # type: ignore[no-untyped-call]
    judged = process_config(schema, config)
    assert judged.success, judged.errors
    # Kubernetes' own names, which the launcher's schema takes as they are.
    made = UserDefinedDagsterK8sConfig(**inner)
    assert made.pod_spec_config == {"termination_grace_period_seconds": 120}
    with pytest.raises(Exception, match="terminationGracePeriod"):
        UserDefinedDagsterK8sConfig(pod_spec_config={"terminationGracePeriod": 120})


def test_values_for_helm_say_what_the_instance_of_one_machine_says() -> None:
    values = yaml.safe_load((DEPLOY / "helm-values.yaml").read_text())
    daemon = values["dagsterDaemon"]
    queue = daemon["runCoordinator"]["config"]["queuedRunCoordinator"]
    assert queue["tagConcurrencyLimits"] == [LIMIT]
    assert values["scheduler"]["config"]["daemonScheduler"]["maxCatchupRuns"] == 1
    assert values["telemetry"]["enabled"] is False
    said = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    assert daemon["runRetries"]["maxRetries"] == said["run_retries"]["max_retries"]
    purged = values["retention"]["schedule"]["purgeAfterDays"]
    assert purged == said["retention"]["schedule"]["purge_after_days"]


def test_versions_of_dagster_and_its_parts_go_together() -> None:
    versions = pinned()
    for name in ("dagster-postgres", "dagster-docker", "dagster-k8s"):
        assert versions[name] == versions["dagster-dbt"], name
    chart = re.search(r"--version (\S+)", (DEPLOY / "helm-values.yaml").read_text())
    assert chart is not None
    assert chart[1] == versions["dagster"]
    assert chart[1] in PAGE


def unit(path: Path) -> RawConfigParser:
    """A unit file; of a key that is given several times the values are lines."""

    class Several(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:
            if isinstance(value, list) and key in self:
                self[key].extend(value)
            else:
                super().__setitem__(key, value)

    parser = RawConfigParser(strict=False, dict_type=Several)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return parser


# Of systemd.unit(5), systemd.service(5) and systemd.exec(5), those that the units may use.
KEYS = {
    "Unit": {"Description", "After", "Wants"},
    "Service": {
        "Type", "User", "Group", "WorkingDirectory", "EnvironmentFile", "ExecStart",
        "ExecStartPost", "Restart", "RestartSec", "KillSignal", "KillMode", "TimeoutStopSec",
        "TimeoutStartSec",
        "NoNewPrivileges", "PrivateTmp", "ProtectSystem", "OOMPolicy",
    },
    "Install": {"WantedBy"},
    "Timer": {"OnCalendar", "Persistent"},
}  # fmt: skip


@pytest.mark.parametrize("path", sorted((DEPLOY / "systemd").iterdir()), ids=lambda path: path.name)
def test_units_have_the_keys_of_units_and_name_each_other(path: Path) -> None:
    parser = unit(path)
    for section in parser.sections():
        assert set(parser[section]) <= KEYS[section], section
    ours = {one.name for one in (DEPLOY / "systemd").iterdir()}
    named = set(re.findall(r"strata-\w+\.\w+", path.read_text()))
    assert named <= ours
    assert path.name in PAGE
    if path.suffix == ".timer":
        assert path.with_suffix(".service") in UNITS
        return
    service = parser["Service"]
    assert (service["User"], service["Group"]) == ("strata", "strata")
    assert service["WorkingDirectory"] == "/opt/strata"
    assert service["EnvironmentFile"] == "/etc/strata/strata.env"


def commands(path: Path) -> list[list[str]]:
    """The commands of a unit, as words."""
    return [one.split() for one in unit(path)["Service"]["ExecStart"].splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [one for path in UNITS for one in commands(path) if one[0] != "/usr/bin/systemctl"],
    ids=lambda command: Path(command[0]).name + "-" + command[1],
)
def test_commands_of_units_are_installed_and_know_their_options(command: list[str]) -> None:
    program, *words = command
    folder = Path("/opt/strata/.venv/bin")
    assert Path(program).parent == folder
    here = Path(sys.executable).parent / Path(program).name
    assert here.is_file()
    subcommand = [word for word in words[:2] if not word.startswith("-")]
    if "--workspace" in words:
        subcommand = subcommand[: words.index("--workspace")]
        place = Path(words[words.index("--workspace") + 1])
        assert (PROJECT_DIR / place.relative_to("/opt/strata")).is_file()
    subcommand = [word for word in subcommand if not word.startswith("/")]
    said = subprocess.run(
        [here, *subcommand, "--help"], capture_output=True, text=True, check=True
    ).stdout
    for option in [word for word in words if word.startswith("--")]:
        assert option in said, option


def test_the_code_server_stops_when_its_runs_have_ended() -> None:
    service = unit(DEPLOY / "systemd" / "strata-code.service")["Service"]
    assert service["KillMode"] == "mixed"  # the runs are not told to stop
    assert service["TimeoutStopSec"] == "30min"


def test_the_ui_and_the_daemon_find_the_code_server() -> None:
    [command] = commands(DEPLOY / "systemd" / "strata-code.service")
    [place] = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    server = place["grpc_server"]
    assert command[command.index("--port") + 1] == str(server["port"])
    assert command[command.index("--host") + 1] == server["host"]


def test_the_environment_file_has_what_is_read_and_no_secret() -> None:
    read = set(re.findall(r"env: (\w+)", (DEPLOY / "dagster.yaml").read_text()))
    said = set(re.findall(r"^#?([A-Z_]+)=", (DEPLOY / "strata.env").read_text(), re.MULTILINE))
    read |= set(re.findall(r"env_var\('(\w+)'", (PROJECT_DIR / "profiles.yml").read_text()))
    assert read <= said
    assert {name: value for name, value in ENVIRONMENT.items() if "PASSWORD" in name} == {
        "DAGSTER_PG_PASSWORD": ""
    }
    assert ENVIRONMENT["DAGSTER_DISABLE_TELEMETRY"] == "yes"
    # systemd makes no folders: those that are written to are below the one that is made.
    made = [
        line.split()[1]
        for line in (DEPLOY / "strata.tmpfiles.conf").read_text().splitlines()
        if line.startswith("d ")
    ]
    places = [value for value in ENVIRONMENT.values() if value.startswith("/")]
    assert [one for one in places if not one.startswith(tuple(made))] == []


def test_the_image_installs_extras_that_there_are() -> None:
    import tomllib

    said = (DEPLOY / "Dockerfile").read_text()
    asked = re.search(r"'\.\[(.+?)\]'", said)
    assert asked is not None
    project: Mapping[str, Any] = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    assert set(asked[1].split(",")) <= set(extras)
    needed = {Requirement(one).name for name in asked[1].split(",") for one in extras[name]}
    assert {"dagster-postgres", "dagster-docker", "dagster-k8s", "dbt-postgres"} <= needed
    ports = set(re.findall(r"4266", said))
    assert ports == {"4266"}
    for source in re.findall(r"cp (deploy/\S+)", said):
        assert (PROJECT_DIR / source).is_file()


def test_the_page_names_files_that_there_are_and_all_of_them() -> None:
    named = set(re.findall(r"deploy/[\w./-]*\w", PAGE))
    missing = [name for name in named if not (PROJECT_DIR / name).exists()]
    assert missing == []
    files = [path for path in DEPLOY.rglob("*") if path.is_file()]
    assert [path.name for path in files if path.name not in PAGE] == []
