"""What a person at a terminal sees of syncs."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestration.activation.plan import PlanSummary
from orchestration.activation.reconcile import Drift
from orchestration.activation.runner import SyncReport
from orchestration.syncs import Parked

OPERATIONS = {
    "add": "to add",
    "archive": "to archive",
    "change": "to change",
    "remove": "to remove",
}


def show_plans(plans: Sequence[PlanSummary], out: Console) -> None:
    """What each sync would send now, with examples, and what would stop it."""
    if not plans:
        return
    table = Table(title="What a sync would send now", title_justify="left", header_style="bold")
    table.add_column("sync", no_wrap=True)
    for name in ("audience", "there", "add", "change", "remove", "unchanged", "waiting", "parked"):
        table.add_column(name, justify="right")
    for plan in plans:
        numbers = (plan.audience, plan.acknowledged, plan.added, plan.changed, plan.removed,
                   plan.unchanged, plan.waiting, plan.parked)  # fmt: skip
        table.add_row(plan.sync_name, *(f"{number:,}" for number in numbers))
    out.print(table)
    for plan in plans:
        for line in _remarks(plan):
            out.print(f"[bold]{plan.sync_name}[/] {line}", highlight=False, soft_wrap=True)


def _remarks(plan: PlanSummary) -> list[str]:
    lines = [
        f"{OPERATIONS[operation]}: {escape(', '.join(keys))}"
        + (", ..." if len(keys) < _count(plan, operation) else "")
        for operation, keys in plan.examples.items()
    ]
    if plan.resent:
        lines.append(f"{plan.resent:,} of these have no answer from an earlier run")
    if plan.retried:
        lines.append(f"{plan.retried:,} of these were refused before and are due again")
    if plan.waiting:
        lines.append(f"{plan.waiting:,} were refused before and are not due yet: not sent")
    if plan.parked:
        lines.append(
            f"{plan.parked:,} were refused too often: not sent; `strata parked {plan.sync_name}`"
        )
    if plan.fields_before is not None:
        before, now = plan.fields_before.splitlines(), plan.fields.splitlines()
        new = [f"+ {one}" for one in now if one not in before]
        gone = [f"- {one}" for one in before if one not in now]
        lines.append(
            f"[yellow]other fields than last time[/]: {escape(', '.join([*new, *gone]))}; "
            f"{plan.changed:,} rows that are there would be sent again"
        )
    if plan.stopped_by:
        lines.append(f"[yellow]would stop[/]: {escape(plan.stopped_by)}")
    return lines


def _count(plan: PlanSummary, operation: str) -> int:
    return {"change": plan.changed, "remove": plan.removed}.get(operation, plan.added)


def show_report(report: SyncReport, out: Console) -> None:
    """What a sync did, on one line."""
    seconds = (report.ended_at - report.started_at).total_seconds()
    extras = [
        (report.rejected, "rejected", "yellow"),
        (report.parked, "parked", "yellow"),
        (report.confirmed, "were there already", "dim"),
    ]
    out.print(
        f"[bold]{report.sync_name}[/]: {report.added:,} added, {report.changed:,} changed, "
        f"{report.removed:,} removed, {report.unchanged:,} unchanged"
        + "".join(f", [{style}]{n:,} {words}[/]" for n, words, style in extras if n)
        + f" → {escape(report.address)} [dim]({seconds:.1f} s)[/]",
        highlight=False,
        soft_wrap=True,
    )
    if report.parked:
        out.print(f"  `strata parked {report.sync_name}` shows why", highlight=False)


def show_drift(drift: Drift, out: Console) -> None:
    """Where a destination differs from what it confirmed."""
    words = [
        f"{drift.observed:,} there",
        f"{drift.acknowledged:,} confirmed",
        f"[{'yellow' if drift.missing else 'dim'}]{drift.missing:,} missing[/]",
        f"[dim]{drift.unexpected:,} not added by us[/]",
    ]
    out.print(
        f"[bold]{drift.sync_name}[/]: {', '.join(words)} ← {escape(drift.address)}",
        highlight=False,
        soft_wrap=True,
    )
    if drift.examples:
        out.print(f"  missing: {escape(', '.join(drift.examples))}", highlight=False)
    if drift.repaired:
        out.print(f"  `strata sync {drift.sync_name}` adds {drift.repaired:,} again")
    elif drift.missing:
        out.print("  --repair lets the next sync add them again", highlight=False)


def missing_in_words(drift: Drift) -> str:
    """How many members a destination does not hold, such as `sync_x 3 of 1,200`."""
    return f"{drift.sync_name} {drift.missing:,} of {drift.acknowledged:,}"


def show_parked(rows: Sequence[Parked], out: Console) -> None:
    """Rows that were refused too often."""
    if not rows:
        out.print("No row is parked.")
        return
    table = Table(header_style="bold")
    for name in ("sync", "key", "change", "refusals", "last sent, UTC", "what it said"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(row.sync_name, row.entity_key, row.operation, f"{row.rejections:,}",
                      row.claimed_at.isoformat(sep=" ", timespec="seconds"),
                      escape(row.last_error or ""))  # fmt: skip
    out.print(table)
    names = sorted({row.sync_name for row in rows})
    out.print(
        "They are sent again when they change, or after "
        + " or ".join(f"`strata retry {name} [KEY]`" for name in names),
        highlight=False, soft_wrap=True,
    )  # fmt: skip
