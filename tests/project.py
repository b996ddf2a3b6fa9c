"""Runs the project the way people do, for tests: the `strata` and `dbt` commands on a warehouse."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml
from sqlalchemy.pool import NullPool
from warm import run_module, started

from orchestration.warehouse import duckdb_engine

PROJECT_DIR = Path(__file__).resolve().parent.parent
MODULE = "orchestration.cli"
ONLY_BILLING = "crm=none,billing=generic,events=none,support=none,survey=none"


@dataclass
class Project:
    """The project on one warehouse, with its own folder for everything it writes."""

    folder: Path
    target: str = "duckdb"
    settings: Mapping[str, str] = field(default_factory=dict)
    sources: Path = PROJECT_DIR

    @property
    def duckdb(self) -> Path:
        """The DuckDB file."""
        return self.folder / "strata.duckdb"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its commands."""
        return {
            **os.environ,
            "STRATA_DUCKDB_PATH": str(self.duckdb),
            "STRATA_TARGET": self.target,
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "STRATA_DELIVERIES": str(self.folder / "deliveries"),
            "PYTHONPATH": str(self.sources),
            "COLUMNS": "160",
            **self.settings,
        }

    @property
    def environment_here(self) -> dict[str, str]:
        """The environment of commands that run in its folder: every project names its file alike,
        so that dbt may use what it parsed for another."""
        return {**self.environment, "STRATA_DUCKDB_PATH": self.duckdb.name}

    def strata(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `strata`; output and exit code as a person would get them."""
        with self._with_parsed(arguments):
            return run_module(MODULE, arguments, self.folder, self.environment_here)

    @contextmanager
    def _with_parsed(self, arguments: Sequence[str]) -> Iterator[bool]:
        """Gives the command what dbt parsed before, if anything, and keeps what it parses."""
        parsed = self._parsed(arguments)
        if parsed is not None:
            _copy_parsed(parsed, self.folder / "target")
        yield parsed is not None
        if parsed is not None:
            _copy_parsed(self.folder / "target", parsed)

    def _parsed(self, arguments: Sequence[str]) -> Path | None:
        """Where tests of one session keep what dbt parsed for this target and these sources of the
        project's own files; parsing takes ten seconds."""
        folder = os.environ.get("STRATA_TESTS_PARSED")
        if folder is None or self.sources != PROJECT_DIR:
            return None
        chosen = ("--sources", "--vars")  # what dbt parses by, beside target and files
        systems = [arguments[n + 1] for n, one in enumerate(arguments) if one in chosen]
        server = self.settings.get("STRATA_POSTGRES_PORT", "")
        name = re.sub(r"[^a-z0-9]+", "-", " ".join([self.target, server, *systems]))
        return Path(folder) / name

    def refresh(self, as_of: str, *, sources: str = ONLY_BILLING) -> str:
        """Runs `strata refresh` and expects it to succeed; what it printed."""
        done = self.strata("refresh", "--as-of", as_of, "--sources", sources)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def dbt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs dbt alone."""
        with self._with_parsed(["--vars", "dbt alone", *arguments]) as is_shared:
            reuse = ["--partial-parse"] if is_shared else []
            place = ["--project-dir", str(self.sources), "--profiles-dir", str(self.sources)]
            return run_module(
                "dbt_alone", [*reuse, *arguments, *place], self.folder, self.environment_here
            )

    def strata_killed(self, *arguments: str, when: str, after_seconds: float) -> None:
        """Starts `strata`, waits for `when` in its progress, waits on, and kills it (kill -9)."""
        with (
            self._with_parsed(arguments),
            started(MODULE, arguments, self.folder, self.environment_here) as running,
        ):
            while when not in running.err.read_text() and running.process.is_alive():
                time.sleep(0.02)
            time.sleep(after_seconds)
            running.process.kill()
            running.process.join()
            assert running.process.exitcode == -signal.SIGKILL, running.err.read_text()

    def engine(self) -> sa.Engine:
        """The warehouse."""
        if self.target == "duckdb":
            return duckdb_engine(self.duckdb)
        get = self.settings.__getitem__
        return sa.create_engine(
            f"postgresql+psycopg2://{get('STRATA_POSTGRES_USER')}@{get('STRATA_POSTGRES_HOST')}:"
            f"{get('STRATA_POSTGRES_PORT')}/{get('STRATA_POSTGRES_DATABASE')}",
            poolclass=NullPool,
        )

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.engine().connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(sql), values)]

    def value(self, sql: str, **values: Any) -> Any:
        """The one value of a query."""
        [(value,)] = self.rows(sql, **values)
        return value

    def execute(self, statements: str | Sequence[str]) -> None:
        """Changes the warehouse."""
        with self.engine().begin() as connection:
            for statement in [statements] if isinstance(statements, str) else statements:
                connection.execute(sa.text(statement))

    def copy(self, folder: Path) -> "Project":
        """The same project and DuckDB file in another folder."""
        folder.mkdir(parents=True)
        # A fork ends without closing the file: its last transactions are beside it.
        for file in self.duckdb.parent.glob(f"{self.duckdb.name}*"):
            shutil.copy(file, folder / file.name)
        return Project(folder, self.target, self.settings, self.sources)


def places_of(engine: sa.Engine, words: Sequence[str], *, is_whole: bool = False) -> list[str]:
    """Where in the warehouse one of the words is: in any column, array or JSON of any table.

    Those that are whole values only, if it is so; for ids that are parts of other words.
    """
    found: list[str] = []
    with engine.connect() as connection:
        columns: Sequence[Any] = connection.execute(
            sa.text(
                "select columns.table_schema, columns.table_name, columns.column_name "
                "from information_schema.columns as columns "
                "inner join information_schema.tables as tables "
                "on columns.table_schema = tables.table_schema "
                "and columns.table_name = tables.table_name "
                "where columns.table_catalog = current_database() "
                "and tables.table_type = 'BASE TABLE' "
                "and columns.table_schema not in ('pg_catalog', 'information_schema') order by 1, 2"
            )
        ).all()
        for schema, name, column in columns:
            named: sa.ColumnClause[Any] = sa.column(sa.quoted_name(column, quote=True))
            text = sa.func.lower(sa.cast(named, sa.Text))
            table = sa.table(name, named, schema=schema)
            has_one = sa.or_(*(text.contains(word.lower(), autoescape=True) for word in words))
            if is_whole:
                has_one = text.in_([word.lower() for word in words])
            if connection.execute(sa.select(table).where(has_one).limit(1)).first():
                found.append(f"{schema}.{name}.{column}")
    return found


def _copy_parsed(source: Path, target: Path) -> None:
    """What dbt parsed, and for which files, to where there is none yet; whole or not at all."""
    names = [
        name for name in ("partial_parse.msgpack", "parsed_files.txt") if (source / name).exists()
    ]
    if (target / "partial_parse.msgpack").exists() or not names:
        return
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        draft = target / f"{name}.{os.getpid()}"
        shutil.copy(source / name, draft)
        draft.replace(target / name)


def keep_audiences(sources: Path, *names: str) -> None:
    """Leave only these audiences, and the syncs of them, in a copy of the project's files.

    Every other one is of a segment that a test with segments of its own would have to have.
    """
    folder = sources / "models" / "activation"
    gone = {path.stem for path in folder.glob("audience_*.sql")} - {*names}
    gone -= {"audience_members", "audience_exclusions"}
    for name in gone:
        (folder / f"{name}.sql").unlink()
    page = folder / "_activation__models.yml"
    said = yaml.safe_load(page.read_text())
    said["models"] = [one for one in said["models"] if one["name"] not in gone]
    said["exposures"] = [
        one for one in said["exposures"]
        if not any(f"'{name}'" in " ".join(one["depends_on"]) for name in gone)
    ]  # fmt: skip
    page.write_text(yaml.safe_dump(said, sort_keys=False))


def edited_sources(folder: Path, files: Mapping[str, str]) -> Path:
    """A copy of the project's files with some added or replaced."""
    for name in (
        "models", "macros", "seeds", "orchestration", "expectations", "tests/data", "tests/macros",
        "dbt_project.yml", "profiles.yml",
    ):  # fmt: skip
        source = PROJECT_DIR / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, folder / name)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
