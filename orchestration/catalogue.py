"""docs/catalogue.md: every segment by its type, read from the files of macros/segments/.

Only what a person reads is needed (label, description, names of conditions, purpose), and that
is plain text in the file, so no dbt is started and no warehouse is opened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import nodes

from orchestration.errors import UsageError
from orchestration.project import PROJECT_DIR
from orchestration.segment_files import SEGMENTS, check_segment_files

PAGE = PROJECT_DIR / "docs" / "catalogue.md"
COMMAND = ".venv/bin/strata catalogue"

# What each type of segment asks, in the order of the page. A type that is not here comes last.
TYPES: Mapping[str, tuple[str, str]] = {
    "a_priori": ("A priori", "Groups the business decided on before it looked at any data."),
    "demographic": ("Demographic", "Who is the person?"),
    "geographic": ("Geographic", "Where do they live, and which time and weather have they?"),
    "firmographic": ("Firmographic", "What company is it: its size, its industry, how it works?"),
    "technographic": ("Technographic", "Which technology do they use?"),
    "psychographic": ("Psychographic", "What do they think and like; which persona are they?"),
    "needs": ("Needs, jobs and benefits", "What do they want to get done, and why?"),
    "behavioural": ("Behavioural", "What do they do, and what have they stopped doing?"),
    "journey": ("Journey and lifecycle", "How far have they come on the way to a customer and on?"),
    "product_usage": ("Product class and usage", "Which plan and which features do they use?"),
    "survey": ("Survey", "What did they answer when asked?"),
    "loyalty": ("Loyalty", "Would they recommend us?"),
    "support": ("Support", "What help do they need, from whom, and how was it?"),
    "value": ("Value", "What are they worth: revenue tiers, recency, frequency, payments?"),
    "health": ("Health and fit", "Will they stay, buy more or leave, and should we want them?"),
}

INTRODUCTION = f"""# Catalogue of segments

The segments that Strata ships: {{count}}, of {{types}} types. Each is one file,
`macros/segments/<type>/<id>.sql`; change it to your own words and bounds, or delete it. This page
is generated from the files: after a change write it again with `{COMMAND}`.

*Who* is the description, and below it the conditions, all of which hold for a member. Segments are
of customers unless marked *accounts*. Of the segments of one group, everybody is in one at most:
the one that comes first. Their owners, bounds and examples are in the files, their
sizes in `strata segments`; [segments.md](segments.md) explains how a segment is written.

Bounds that belong to the business are in seeds: tiers of MRR in `mrr_tiers`, climate in
`country_regions` and `climate_regions`, what a plan includes in `plan_features`, key features and
steps of onboarding in `product_features` and `onboarding_steps`, RFM cells in `rfm_grid`, tiers of
support in `support_tiers`, scores in `score_metrics` and `ideal_customer_profile`.
"""


@dataclass(frozen=True)
class Entry:
    """What the page says of one segment."""

    segment_id: str
    type: str
    entity: str
    label: str
    description: str
    conditions: tuple[str, ...]
    requires: tuple[str, ...]
    purpose: str
    priority_group: str
    priority: str
    owner: str


def write_page(path: Path = PAGE) -> None:
    """Writes the page. Raises UsageError for a file that is no segment."""
    path.write_text(render(read_entries()))


def read_entries(project: Path = PROJECT_DIR) -> list[Entry]:
    """The segments of the project, by id.

    Raises UsageError for a file that is no segment, or whose text is not written out in it.
    """
    check_segment_files(project)
    jinja = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=True)
    entries = []
    for path in sorted((project / SEGMENTS).rglob("*.sql"), key=lambda path: path.stem):
        parsed = jinja.parse(path.read_text())
        calls = [
            call
            for call in parsed.find_all(nodes.Call)
            if isinstance(call.node, nodes.Name) and call.node.name == "segment"
        ]
        if not calls:
            raise UsageError(f"{path.relative_to(project)} does not call segment().")
        given = {argument.key: argument.value for argument in calls[0].kwargs}
        where = str(path.relative_to(project))
        entries.append(
            Entry(
                segment_id=path.stem,
                type=_text(given, "type", where),
                entity=_text(given, "entity", where, default="customer"),
                label=_text(given, "label", where),
                description=_text(given, "description", where).strip(),
                conditions=_keys(given["conditions"], where),
                requires=tuple(_constant(given.get("requires"), "requires", where, default=[])),
                purpose=_text(given, "purpose", where, default=""),
                priority_group=_text(given, "priority_group", where, default=""),
                priority=_text(given, "priority", where, default=""),
                owner=_text(given, "owner", where, default=""),
            )
        )
    return entries


def _text(
    given: Mapping[str, nodes.Expr], name: str, where: str, *, default: str | None = None
) -> str:
    return str(_constant(given.get(name), name, where, default=default))


def _constant(value: nodes.Expr | None, name: str, where: str, *, default: Any) -> Any:
    if value is None:
        return default
    try:
        return value.as_const()
    except nodes.Impossible:
        raise UsageError(
            f"{where}, line {value.lineno}: {name} is computed. The catalogue shows text that is "
            "written out in the file."
        ) from None


def _keys(conditions: nodes.Expr, where: str) -> tuple[str, ...]:
    if not isinstance(conditions, nodes.Dict):
        raise UsageError(
            f"{where}, line {conditions.lineno}: conditions are computed. The catalogue shows "
            "{name: SQL} that is written out in the file."
        )
    return tuple(
        str(_constant(pair.key, "the name of a condition", where, default=""))
        for pair in conditions.items
    )


def render(entries: Sequence[Entry]) -> str:
    """The page as Markdown."""
    found = {entry.type for entry in entries}
    order = [name for name in TYPES if name in found] + sorted(found - set(TYPES))
    parts = [INTRODUCTION.format(count=len(entries), types=len(order))]
    for name in order:
        title, question = TYPES.get(name, (name.replace("_", " ").capitalize(), ""))
        parts.append(f"## {title}\n")
        if question:
            parts.append(f"{question}\n")
        parts.append("| segment | who | needs | for |\n| --- | --- | --- | --- |")
        parts += [_row(entry) for entry in entries if entry.type == name]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _row(entry: Entry) -> str:
    of = " *accounts*" if entry.entity == "account" else ""
    in_group = (
        f"<br>*group {entry.priority_group}, {entry.priority}*" if entry.priority_group else ""
    )
    cells = [
        f"**{entry.label}**{of}<br>`{entry.segment_id}`{in_group}",
        f"{entry.description}<br>- " + "<br>- ".join(entry.conditions),
        ", ".join(entry.requires),
        entry.purpose,
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") or "-" for cell in cells) + " |"
