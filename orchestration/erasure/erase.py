"""Erases a person from what is kept over runs: all of it in one transaction, or nothing."""

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from orchestration.activation.ledger import require_state_tables
from orchestration.erasure.forget import ERASED, Change, changes
from orchestration.erasure.obstacles import obstacles
from orchestration.erasure.person import Person, find_person
from orchestration.errors import StrataError, UsageError
from orchestration.lease import leases, require_idle
from orchestration.project import utc_now

ERASURES = sa.Table(
    "erasures",
    sa.MetaData(),
    sa.Column("erasure_id", sa.Text),
    sa.Column("erased_at", sa.DateTime),
    sa.Column("erased_by", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("removed_from", sa.Text),
    sa.Column("row_count", sa.BigInteger),
    sa.Column("row_counts", sa.Text),
    schema="operations",
)


@dataclass(frozen=True)
class Request:
    """Who is to be erased, at whose word."""

    who: str
    """Id of a customer, e-mail address or another identifier."""
    reason: str
    """Why; kept, so it must not say whom."""
    by: str
    removed_from: Sequence[str] = ()
    """Syncs at whose destinations the person was deleted by hand."""


@dataclass(frozen=True)
class Erasure:
    """What is, or was, done to each table of which there is something of the person."""

    person: Person
    changes: Sequence[Change]
    obstacles: Sequence[str] = ()
    """What has to happen first; the person cannot be erased before."""

    @property
    def row_counts(self) -> dict[str, int]:
        """Rows that are changed, deleted or dropped, by table."""
        counts: dict[str, int] = {}
        for one in self.changes:
            counts[one.relation] = counts.get(one.relation, 0) + one.row_count
        return counts

    def check(self) -> None:
        """Raises StrataError, with all that has to happen first, if anything has."""
        if self.obstacles:
            raise StrataError(
                f"{self.person.customer_id} cannot be erased yet, and nothing was changed:\n"
                + "\n".join(f"- {one}" for one in self.obstacles)
            )


def plan_erasure(warehouse: sa.Engine, request: Request) -> Erasure:
    """What `erase` would do, and what keeps it from it; changes nothing.

    Raises as `erase`, but for what an erasure only has to wait for.
    """
    with warehouse.connect() as connection:
        return _planned(connection, request)


def erase(warehouse: sa.Engine, request: Request) -> Erasure:
    """Erases the person from every table that is kept over runs, and records that somebody was.

    Raises:
        UsageError: the person is not known or more than one, the reason or name is empty or names
            the person, or `removed_from` names a sync that has nothing of them.
        StrataError: a source or a destination still has the person, a refresh or sync is going
            on, or a table is missing. Nothing was changed.
    """
    with warehouse.begin() as connection:
        require_state_tables(connection, [ERASURES, leases])
        require_idle(connection, utc_now())
        found = _planned(connection, request)
        found.check()
        for change in found.changes:
            for statement in change.statements:
                connection.execute(statement)
        connection.execute(
            sa.insert(ERASURES).values(
                erasure_id=uuid4().hex,
                erased_at=utc_now(),
                erased_by=request.by.strip(),
                reason=request.reason.strip(),
                removed_from=", ".join(request.removed_from) or None,
                row_count=sum(found.row_counts.values()),
                row_counts=json.dumps(found.row_counts, sort_keys=True),
            )
        )
    return found


def forget_in_pages(folder: Path, person: Person) -> int:
    """Takes the person's ids and addresses out of the pages of audits; of how many pages."""
    words = {*person.words, *(html.escape(word) for word in person.words)}
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    named = "|".join(map(re.escape, longest_first))
    pattern = re.compile(rf"(?<!\w)(?:{named})(?!\w)", re.IGNORECASE)
    changed = 0
    for page in sorted(folder.rglob("*")):
        if page.suffix not in (".html", ".json"):
            continue
        text = page.read_text()
        if pattern.search(text):
            draft = page.with_name(f".{page.name}.unfinished")
            draft.write_text(pattern.sub(ERASED, text))
            draft.replace(page)
            changed += 1
    return changed


def _planned(connection: sa.Connection, request: Request) -> Erasure:
    if not request.reason.strip():
        raise UsageError(
            "Why erase? Give a --reason, such as the number of the request; it is kept."
        )
    if not request.by.strip():
        raise UsageError("Who decides? Give a name or an e-mail address with --by.")
    require_state_tables(connection, [ERASURES])
    person = find_person(connection, request.who)
    _check_words(request, person)
    found = [one for one in changes(connection, person) if one.row_count]
    return Erasure(person, found, obstacles(connection, person, request.removed_from))


def _check_words(request: Request, person: Person) -> None:
    """What is kept of an erasure must not name who was erased."""
    named = [word.lower() for word in person.words]
    for option, text in (("--reason", request.reason), ("--by", request.by)):
        if any(word in text.lower() for word in named):
            raise UsageError(
                f"{option} is kept and names whom it is about. Say it without, such as by the "
                "number of the request."
            )
