"""The pages of dbt docs, in which every segment says what it is and leads to its audit."""

from pathlib import Path

from expectations.docs_index import docs_page
from expectations.suites import segment_suite_name
from orchestration.catalogue import Entry, read_entries
from orchestration.dbt import Dbt
from orchestration.project import DATA_DOCS_DIR, TARGET_DIR, parse_sources
from orchestration.warehouse import check_reachable, target_name


def write_site(target: str | None) -> Path:
    """Writes dbt's own pages, the macros of segments described; returns the first page.

    Columns are those found in the warehouse. Raises StrataError where there is none, UsageError in
    dbt's words.
    """
    check_reachable(target, must_exist=True)
    dbt = Dbt(target_name(target), {"strata_sources": parse_sources(None)})
    package = dbt.manifest.metadata.project_name
    for entry in read_entries():
        macro = dbt.manifest.macros[f"macro.{package}.segment__{entry.segment_id}"]
        macro.description = describe(entry)
    dbt.write_docs()
    return TARGET_DIR / "index.html"


def describe(entry: Entry) -> str:
    """What dbt docs say of a segment, as Markdown; links are seen from dbt's first page."""
    page = docs_page(DATA_DOCS_DIR, segment_suite_name(entry.segment_id))
    conditions = "\n".join(f"- {condition}" for condition in entry.conditions)
    return (
        f"**{entry.label}** ({entry.entity}s). {entry.description}\n\n{conditions}\n\n"
        f"[Audit of this segment]({page.relative_to(TARGET_DIR).as_posix()})"
    )
