"""Asks a person at a terminal for what a new segment needs and no option gave."""

import re
import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import typer

from orchestration.errors import UsageError
from orchestration.segment_tools.new_segment import (
    DOMAINS,
    ENTITIES,
    Draft,
    check_domains,
    check_entity,
    check_id,
    check_owner,
    check_review_by,
    check_type,
    parse_condition,
    segment_types,
)


def ask_for_draft(
    *,
    label: str | None,
    description: str | None,
    type: str | None,
    segment_id: str | None,
    entity: str | None,
    owner: str | None,
    conditions: Sequence[str] | None,
    requires: str | None,
    purpose: str | None,
    review_by: str | None,
    today: date,
) -> Draft:
    """The draft. What an option gave is checked and not asked; an answer is asked for until right.

    Raises UsageError for a wrong option, and for a missing one where nobody can be asked.
    """
    in_a_year = (today + timedelta(days=365)).isoformat()
    label = _value(label, "--label", "Label, as a marketer reads it", _some_text)
    found_id = _value(segment_id, "--id", "Id", check_id, default=_id_from(label))
    return Draft(
        segment_id=found_id,
        label=label,
        description=_value(description, "--description", "Who is in it, in a sentence", _some_text),
        type=_value(type, "--type", f"Type ({', '.join(segment_types())})", check_type),
        entity=_value(entity, "--entity", f"Entity ({', '.join(ENTITIES)})", check_entity,
                      default="customer"),
        owner=_value(owner, "--owner", "Owner, an e-mail address", check_owner),
        conditions=_conditions(conditions),
        requires=_value(requires, "--requires",
                        f"Domains it means nothing without ({', '.join(DOMAINS)}; may be empty)",
                        check_domains, default=""),
        purpose=_value(purpose, "--purpose", "What it is used for", str.strip, default=""),
        review_by=_value(review_by, "--review-by", "Look at it again by",
                         lambda text: check_review_by(text, today), default=in_a_year),
    )  # fmt: skip


def can_ask() -> bool:
    """Whether there is a person at a terminal."""
    return sys.stdin.isatty()


def _value(
    given: str | None,
    option: str,
    question: str,
    check: Callable[[str], Any],
    default: str | None = None,
) -> Any:
    if given is not None:
        if check is _some_text and not given.strip():
            raise UsageError(f"{option} is '{given}'. It takes a text.")
        return check(given)
    if not can_ask():
        if default is not None:
            return check(default)
        raise UsageError(f"{option} is missing, and there is no terminal to ask at.")
    while True:
        try:
            return check(typer.prompt(question, default=default, show_default=bool(default)))
        except UsageError as error:
            typer.echo(str(error))


def _conditions(given: Sequence[str] | None) -> dict[str, str]:
    if given:
        named: dict[str, str] = {}
        for name, sql in map(parse_condition, given):
            if name in named:
                raise UsageError(
                    f"Two conditions are named '{name}': {named[name]} and {sql}. Each takes a "
                    "name of its own, since a person reads it when asking why."
                )
            named[name] = sql
        return named
    if not can_ask():
        raise UsageError("--condition is missing, and there is no terminal to ask at.")
    typer.echo(
        "Conditions, one by one; all must hold. SQL over customer_360 as c and account_360 as a, "
        "or a rule helper (docs/segments.md). An empty name ends them."
    )
    found: dict[str, str] = {}
    while True:
        number = len(found) + 1
        name = typer.prompt(f"  Name of condition {number}", default="", show_default=False).strip()
        if name:
            found[name] = typer.prompt("  SQL").strip()
        elif found:
            return found


def _some_text(text: str) -> str:
    if not text.strip():
        raise UsageError("It takes a text.")
    return text.strip()


def _id_from(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")
