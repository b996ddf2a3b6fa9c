"""`strata diff`: what the segment files of a working tree would change against a revision."""

import io
import re
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from orchestration.activation.exposures import syncs_by_segment
from orchestration.errors import ChangeAboveBound, UsageError
from orchestration.project import PROJECT_DIR
from orchestration.segment_tools.evaluation import (
    Definition,
    Evaluation,
    definitions,
    evaluating,
    execute,
    open_published,
    project,
    with_dependents,
)

# What makes a definition: the segments' files and the helpers that their conditions call.
FOLDERS = ("macros/segments", "macros/rules")


@dataclass(frozen=True)
class ConditionChange:
    """A named condition that one side has and the other has not, or has otherwise."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class SegmentChange:
    """One segment before and after, over the same 360s."""

    segment_id: str
    entity: str
    change: str  # added, removed, changed, through others
    before_count: int
    after_count: int
    added_count: int
    removed_count: int
    mrr_added: Decimal
    mrr_removed: Decimal
    conditions: Sequence[ConditionChange]
    syncs: Sequence[str]
    not_evaluated_reason: str | None

    @property
    def moved_share(self) -> float | None:
        """Share of the members before that enter and leave; None where there were none."""
        if not self.before_count:
            return None
        return (self.added_count + self.removed_count) / self.before_count


@dataclass(frozen=True)
class Diff:
    """Every segment that differs, and those of which only settings do."""

    base: str
    as_of: datetime | None
    changes: Sequence[SegmentChange]
    settings_changed: Mapping[str, Sequence[str]]  # names of the settings, by segment

    def above(self, max_change: float) -> list[SegmentChange]:
        """The segments of which a larger share of the members before moves."""
        return [
            change
            for change in self.changes
            if change.moved_share is not None and change.moved_share > max_change
        ]


def diff(base: str | None, target: str | None) -> Diff:
    """Evaluates the definitions of a git revision and of the working tree over today's 360s.

    Raises UsageError for a revision that git does not know, StrataError where nothing was
    refreshed yet.
    """
    warehouse, published = open_published(target)
    revision = base or default_base()
    name = short_name(revision)
    different = changed_files(revision)
    if not different:
        return Diff(name, None, [], {})
    head = project(target, published)
    after = Evaluation(head, published.as_of)
    try:
        before = Evaluation(head.with_macros(different), published.as_of)
    except UsageError as error:
        raise UsageError(
            f"The definitions of {name} cannot be evaluated over today's project: {error}"
        ) from error
    with evaluating(warehouse) as connection:
        after.views(connection, "after")
        before.views(connection, "before")
        new = definitions(connection, "select * from after_segment_registry")
        old = definitions(connection, "select * from before_segment_registry")
        kinds = _kinds(old, new)
        counts = _movements(connection, sorted(kinds))
    by_segment = syncs_by_segment(head.manifest_dict())
    changes = [
        SegmentChange(
            segment_id=segment_id,
            entity=(new.get(segment_id) or old[segment_id]).entity,
            change=kind,
            **counts[segment_id],
            conditions=_conditions(old.get(segment_id), new.get(segment_id)),
            syncs=[sync.name for sync in by_segment.get(segment_id, [])],
            not_evaluated_reason=(new.get(segment_id) or old[segment_id]).not_evaluated_reason,
        )
        for segment_id, kind in sorted(kinds.items())
        if kind != "through others" or _moves(counts[segment_id])
    ]
    return Diff(name, published.as_of, changes, _settings_changed(old, new))


def check_change(found: Diff, max_change: float | None) -> None:
    """Raises ChangeAboveBound, naming the segments, when a larger share of one moves."""
    if max_change is None:
        return
    above = found.above(max_change)
    if above:
        raise ChangeAboveBound(
            f"More than {max_change:.1%} of the members move: "
            + ", ".join(f"{one.segment_id} ({one.moved_share:.1%})" for one in above)
        )


def default_base() -> str:
    """The merge base with main, or HEAD where there is no main."""
    for main in ("main", "origin/main"):
        found = _git("merge-base", main, "HEAD", check=False)
        if found.returncode == 0:
            return found.stdout.decode().strip()
    return "HEAD"


def short_name(revision: str) -> str:
    """A revision as people quote it.

    Raises UsageError when git does not know it, or the project is in no git repository.
    """
    inside = _git("rev-parse", "--is-inside-work-tree", check=False)
    if inside.returncode:
        raise UsageError(
            "strata diff reads the definitions to compare with from git, and git cannot read "
            f"{PROJECT_DIR}: {_last_words(inside)}"
        )
    found = _git(
        "rev-parse", "--short", "--verify", "--end-of-options", f"{revision}^{{commit}}",
        check=False,
    )  # fmt: skip
    if found.returncode:
        raise UsageError(
            f"git knows no revision '{revision}' in {PROJECT_DIR}. --base takes a revision that "
            "git knows, such as main, HEAD~1 or a commit."
        )
    short = found.stdout.decode().strip()
    return short if short.startswith(revision) or revision == short else (
        short if revision.startswith(short) else f"{revision} ({short})"
    )  # fmt: skip


def changed_files(revision: str) -> dict[str, str | None]:
    """The files that make definitions and differ, with their text at the revision.

    None stands for a file that the revision does not have. Only files of segments can be
    missing then: a helper that the revision lacks harms none of its segments.
    """
    before = _files_at(revision)
    after = {
        str(path.relative_to(PROJECT_DIR)): path.read_text()
        for folder in FOLDERS
        for path in (PROJECT_DIR / folder).rglob("*.sql")
    }
    different: dict[str, str | None] = {
        path: text for path, text in before.items() if after.get(path) != text
    }
    for path in after:
        if path not in before and path.startswith(FOLDERS[0]):
            different[path] = None
    return different


def _files_at(revision: str) -> dict[str, str]:
    there = [
        folder
        for folder in FOLDERS
        if _git("cat-file", "-e", f"{revision}:./{folder}", check=False).returncode == 0
    ]
    if not there:
        return {}
    archive = _git("archive", "--format=tar", revision, "--", *there).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        return {
            member.name: (files.extractfile(member) or io.BytesIO()).read().decode()
            for member in files.getmembers()
            if member.isfile() and Path(member.name).suffix == ".sql"
        }


def _git(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, its arguments not by a shell
            ["git", "-C", str(PROJECT_DIR), *arguments],  # noqa: S607
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise UsageError(
            "strata diff reads the other definitions from git, which is not installed."
        ) from error
    if check and done.returncode:
        raise UsageError(
            f"git cannot read the revision to compare with in {PROJECT_DIR}: {_last_words(done)}"
        )
    return done


def _last_words(done: subprocess.CompletedProcess[bytes]) -> str:
    said = done.stderr.decode().strip().splitlines()
    return said[-1] if said else " ".join(map(str, done.args))


def _kinds(old: Mapping[str, Definition], new: Mapping[str, Definition]) -> dict[str, str]:
    """How each segment that may have other members changed."""
    kinds = {segment_id: "added" for segment_id in new if segment_id not in old}
    kinds |= {segment_id: "removed" for segment_id in old if segment_id not in new}
    for segment_id in old.keys() & new.keys():
        if old[segment_id].definition_version != new[segment_id].definition_version or any(
            old[segment_id].settings.get(name) != new[segment_id].settings.get(name)
            for name in ("priority_group", "priority")
        ):
            kinds[segment_id] = "changed"
    for segment_id in with_dependents(kinds, old, new):
        kinds.setdefault(segment_id, "through others")
    return kinds


def _movements(connection: sa.Connection, segments: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Sizes, entries and exits, and the MRR of who enters and leaves, by segment."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("before_count", "after_count", "added_count", "removed_count", "mrr_added", "mrr_removed"),
        0,
    )
    found = {segment_id: dict(nothing) for segment_id in segments}
    if not segments:
        return found
    listed = ", ".join(f"'{segment_id}'" for segment_id in segments)
    for side in ("before", "after"):
        execute(
            connection,
            f"create temporary table {side}_members as select segment_id, entity, entity_id "
            f"from {side}_segment_candidates where segment_id in ({listed})",
        )
    for side in ("before", "after"):
        for segment_id, count in execute(
            connection, f"select segment_id, count(*) from {side}_members group by segment_id"
        ):
            found[segment_id][f"{side}_count"] = count
    execute(
        connection,
        "create temporary table moved as select "
        "coalesce(after_members.segment_id, before_members.segment_id) as segment_id, "
        "coalesce(after_members.entity, before_members.entity) as entity, "
        "coalesce(after_members.entity_id, before_members.entity_id) as entity_id, "
        "before_members.entity_id is null as is_added "
        "from after_members full outer join before_members "
        "on after_members.segment_id = before_members.segment_id "
        "and after_members.entity = before_members.entity "
        "and after_members.entity_id = before_members.entity_id "
        "where after_members.entity_id is null or before_members.entity_id is null",
    )
    rows = execute(
        connection,
        "select moved.segment_id, "
        "count(case when moved.is_added then 1 end) as added_count, "
        "count(case when not moved.is_added then 1 end) as removed_count, "
        "coalesce(sum(case when moved.is_added then entities.mrr end), 0) as mrr_added, "
        "coalesce(sum(case when not moved.is_added then entities.mrr end), 0) as mrr_removed "
        "from moved left join ("
        "select 'customer' as entity, customer_id as entity_id, mrr from customer_360.customer_360 "
        "union all "
        "select 'account' as entity, account_id as entity_id, mrr from customer_360.account_360"
        ") as entities on moved.entity = entities.entity and moved.entity_id = entities.entity_id "
        "group by moved.segment_id",
    ).mappings()
    for row in rows:
        values = dict(row)
        found[values.pop("segment_id")].update(values)
    return found


def _moves(counts: Mapping[str, Any]) -> bool:
    return bool(counts["added_count"] or counts["removed_count"])


def _conditions(old: Definition | None, new: Definition | None) -> list[ConditionChange]:
    before, after = (old.conditions if old else {}), (new.conditions if new else {})
    return [
        ConditionChange(name, before.get(name), after.get(name))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _settings_changed(
    old: Mapping[str, Definition], new: Mapping[str, Definition]
) -> dict[str, list[str]]:
    derived = {"columns_used", "is_evaluated"}
    changed = {}
    for segment_id in sorted(old.keys() & new.keys()):
        before, after = old[segment_id], new[segment_id]
        names = [
            f"{name}: {_plain(before.settings.get(name))} → {_plain(after.settings.get(name))}"
            for name in sorted(before.settings.keys() | after.settings.keys())
            if name not in derived and before.settings.get(name) != after.settings.get(name)
        ]
        if before.label != after.label:
            names.insert(0, f"label: {before.label} → {after.label}")
        if names:
            changed[segment_id] = names
    return changed


def _plain(setting: str | None) -> str:
    """A setting as its file says it: 0.300000 of the registry is 0.3."""
    text = setting or "none"
    return text.rstrip("0").rstrip(".") if re.fullmatch(r"\d+\.\d+", text) else text
