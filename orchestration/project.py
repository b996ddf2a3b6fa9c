"""Where the project is and what its settings say."""

import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from orchestration.errors import UsageError

PROJECT_DIR = Path(__file__).resolve().parent.parent

# dbt's own setting for where generated files go.
TARGET_DIR = Path(os.environ.get("DBT_TARGET_PATH", PROJECT_DIR / "target"))
DATA_DOCS_DIR = TARGET_DIR / "data_docs"

# Wherever `strata` is called from, the project's own file is the one it means.
os.environ.setdefault("STRATA_DUCKDB_PATH", str(PROJECT_DIR / "strata.duckdb"))


def project_vars() -> dict[str, Any]:
    """The `vars` of dbt_project.yml."""
    settings = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
    return dict(settings.get("vars") or {})


def last_edited() -> float:
    """When a file that dbt reads was last written, in seconds since 1970."""
    return max(path.stat().st_mtime for path in _files_of_dbt(PROJECT_DIR))


def digest_of_files(project: Path, without: Path | None = None) -> str:
    """The same text for the same files that dbt reads, another when one is edited or moved.

    Those in the folder `without` do not count.
    """
    digest = sha256()
    for path in _files_of_dbt(project):
        if without and path.is_relative_to(without):
            continue
        digest.update(f"{path.relative_to(project)}\0".encode())
        digest.update(sha256(path.read_bytes()).digest() if path.is_file() else b"")
    return digest.hexdigest()


def _files_of_dbt(project: Path) -> list[Path]:
    folders = ("models", "macros", "seeds", "tests/data", "tests/macros")
    files = sorted(path for name in folders for path in (project / name).rglob("*"))
    return [*files, project / "dbt_project.yml", project / "profiles.yml"]


def parse_instant(text: str, name: str = "as_of") -> datetime:
    """The UTC instant that a person typed as `name`, as a naive datetime in UTC.

    Raises UsageError when it is not ISO 8601.
    """
    try:
        instant = datetime.fromisoformat(text.strip())
        if instant.tzinfo is not None:
            instant = instant.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{name} is '{text}' ({error}). It takes a UTC instant such as 2026-07-01T00:00:00Z "
            "or a date (midnight UTC)."
        ) from error
    return instant.replace(microsecond=0)


def default_instant() -> datetime:
    """The instant of a run that was given none: the project's `as_of`, else now (UTC)."""
    configured = project_vars().get("as_of")
    if configured:
        return parse_instant(str(configured))
    return utc_now().replace(microsecond=0)


def utc_now() -> datetime:
    """The clock, as a naive datetime in UTC. Models never read it; runs record it."""
    return datetime.now(UTC).replace(tzinfo=None)


def parse_sources(text: str | None) -> dict[str, str]:
    """The systems of `--sources crm=none,billing=generic` over those of dbt_project.yml.

    Domains that are not mentioned keep what the project says. Whether the names are
    known is for the project's own macros to say. Raises UsageError on anything that
    is not `domain=system`.
    """
    sources = {str(k): str(v) for k, v in (project_vars().get("strata_sources") or {}).items()}
    for pair in (text or "").split(","):
        if not pair.strip():
            continue
        domain, equals, system = pair.partition("=")
        if not (equals and domain.strip() and system.strip()):
            raise UsageError(
                f"--sources has '{pair.strip()}'. It takes domain=system pairs separated by "
                "commas, such as crm=none,billing=generic."
            )
        sources[domain.strip()] = system.strip()
    return sources
