"""A copy of what is published for BI tools, where the warehouse is a DuckDB file.

DuckDB lets one process have a file open for writing and nobody beside it: a dashboard would
keep the refresh out, and the refresh the dashboard. So people and tools read a second file,
which the next refresh replaces by an atomic rename: who has it open goes on reading the old one.
"""

import os
from pathlib import Path

from orchestration.errors import UsageError
from orchestration.project import PROJECT_DIR, project_vars
from orchestration.warehouse import credentials, duckdb_path

SCHEMAS = ("customer_360", "segments", "analytics", "activation", "operations")
"""What others may read; raw tables, staging and identity stay where they are."""


def place_of_copy(target: str | None) -> Path | None:
    """The file of the project variable `bi_copy`; None where it is not set.

    A relative path is of the project's folder. Raises UsageError for anything but a path, for the
    warehouse itself, and where the warehouse is no DuckDB file: readers of a server need no copy.
    """
    given = os.environ.get("STRATA_BI_COPY") or project_vars().get("bi_copy")
    if given is None:
        return None
    if not isinstance(given, str) or not given.strip():
        raise UsageError(
            f"bi_copy is {given!r}. It takes the path of a file to be made, such as "
            "/srv/strata/published.duckdb, or null."
        )
    place, found = PROJECT_DIR / given, credentials(target).credentials
    if found.type != "duckdb":
        raise UsageError(
            f"bi_copy is set, and the target is of type '{found.type}'. It is for DuckDB, whose "
            "file only one process may open; set it to null."
        )
    if place.resolve() == duckdb_path(found):
        raise UsageError(f"bi_copy is {place}, the warehouse itself. It takes another file.")
    return place


def publish_copy(target: str | None) -> Path | None:
    """Copies the published schemas as tables to the file, and puts it in place at once.

    None where no copy is asked for. Raises as `place_of_copy`.
    """
    import duckdb

    place = place_of_copy(target)
    if place is None:
        return None
    source = duckdb_path(credentials(target).credentials)
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_name(f".{place.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    literal = str(unfinished).replace("'", "''")
    # As dbt connects, with no settings: a process has one configuration of a file.
    with duckdb.connect(str(source)) as connection:
        connection.execute(f"attach '{literal}' as bi_copy")
        try:
            # One snapshot of all relations: a publication beside it is in all or in none.
            connection.execute("begin")
            relations = connection.execute(
                "select table_schema, table_name from information_schema.tables "
                f"where table_catalog = current_database() and table_schema in {SCHEMAS} "
                "and table_name not like 'int\\_%' escape '\\' order by 1, 2"
            ).fetchall()
            for schema, name in relations:
                connection.execute(f'create schema if not exists bi_copy."{schema}"')
                connection.execute(
                    f'create table bi_copy."{schema}"."{name}" as from "{schema}"."{name}"'
                )
            connection.execute("commit")
        except duckdb.Error:
            connection.execute("rollback")
            raise
        finally:
            connection.execute("detach bi_copy")
    unfinished.replace(place)
    return place
