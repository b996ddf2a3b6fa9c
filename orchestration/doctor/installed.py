"""What is installed: Python, packages, and how Dagster is set up."""

import os
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from orchestration.doctor.result import Installation, Result, failed, ok, warning
from orchestration.traces import exporter_name

DISTRIBUTION = "strata-segments"
NAMED = ("dbt-core", "duckdb", "dagster", "great-expectations")
"""Packages whose versions are told when all is well."""
INSTALL = "Run `make setup`."
OFF = {"1", "true", "yes"}


def versions(_: Installation) -> Iterator[Result]:
    """Python and the packages, against what the installed project asks for."""
    try:
        project = distribution(DISTRIBUTION)
    except PackageNotFoundError:
        yield failed("versions", f"{DISTRIBUTION} is not installed in this environment", INSTALL)
        return
    python, accepted = platform.python_version(), str(project.metadata["Requires-Python"] or "")
    wrong = [] if python in SpecifierSet(accepted) else [f"Python {python} (needs {accepted})"]
    beside: list[str] = []
    for text in project.requires or []:
        requirement = Requirement(text)
        is_needed = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            if is_needed:
                wrong.append(f"{requirement.name} is not installed")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            said = f"{requirement.name} {found} (needs {requirement.specifier})"
            (wrong if is_needed else beside).append(said)
    if wrong:
        yield failed("versions", "; ".join(wrong), INSTALL)
    elif beside:
        yield warning("versions", "; ".join(beside), INSTALL)
    else:
        named = ", ".join(f"{name} {version(name)}" for name in NAMED)
        yield ok("versions", f"Python {python}, {named}")


def adapter(found: Installation) -> Iterator[Result]:
    """The package with which dbt speaks to the target's warehouse."""
    kind = found.profile.credentials.type
    try:
        yield ok("adapter", f"dbt-{kind} {version(f'dbt-{kind}')}")
    except PackageNotFoundError:
        yield failed("adapter", f"dbt-{kind} is not installed", f"Install the extra `{kind}`.")


def traces(_: Installation) -> Iterator[Result]:
    """Traces that are asked for can be made; nothing where they are off."""
    exporter = exporter_name()
    if exporter == "none":
        return
    if find_spec("opentelemetry.sdk") is None:
        yield warning("traces", "traces are asked for, and OpenTelemetry is not installed", INSTALL)
    else:
        yield ok("traces", f"exported to {exporter}")


def dagster(_: Installation) -> Iterator[Result]:
    """Where Dagster keeps its runs, and that it tells nobody about them."""
    home = os.environ.get("DAGSTER_HOME", "").strip()
    if not home:
        yield warning(
            "Dagster",
            "DAGSTER_HOME is not set: Dagster forgets runs and schedules when it ends",
            "`make dagster` sets it by itself; for a server see docs/deployment.md.",
        )
        return
    page = Path(home) / "dagster.yaml"
    if not page.is_file():
        yield failed(
            "Dagster",
            f"DAGSTER_HOME is {home}, and there is no file {page}",
            "Copy deploy/dagster.yaml there (docs/deployment.md).",
        )
        return
    settings = yaml.safe_load(page.read_text()) or {}
    is_off = os.environ.get("DAGSTER_DISABLE_TELEMETRY", "").lower() in OFF
    if not is_off and (settings.get("telemetry") or {}).get("enabled") is not False:
        yield warning(
            "Dagster",
            f"telemetry is on: {page} does not switch it off",
            "Add the line `telemetry: {enabled: false}` to it.",
        )
        return
    if problem := _storage_problem(settings):
        yield failed(
            "Dagster",
            f"its database cannot be opened: {problem}",
            f"Correct `storage` in {page}, or the variables that it names.",
        )
        return
    yield ok("Dagster", f"{page}, telemetry off")


def _storage_problem(settings: Mapping[str, Any]) -> str | None:
    """Why the PostgreSQL database of a dagster.yaml does not open; None if it does, or is none.

    Dagster itself would make its tables there.
    """
    place = ((settings.get("storage") or {}).get("postgres") or {}).get("postgres_db")
    if not place:
        return None
    told = {
        name: os.environ.get(given["env"], "") if isinstance(given, dict) else given
        for name, given in place.items()
    }
    try:
        url = sa.URL.create(
            "postgresql+psycopg2",
            username=told.get("username"),
            password=told.get("password"),
            host=told.get("hostname"),
            port=int(told.get("port") or 5432),
            database=told.get("db_name"),
        )
        with sa.create_engine(url, connect_args={"connect_timeout": 5}).connect():
            return None
    except (sa.exc.SQLAlchemyError, ValueError, ImportError) as error:
        said = str(getattr(error, "orig", None) or error).strip()
        return said.splitlines()[0] if said else type(error).__name__
