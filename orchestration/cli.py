"""The `strata` command."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestration.errors import StrataError, UsageError
from orchestration.progress import Steps
from orchestration.project import default_instant, parse_instant, parse_sources, project_vars

if TYPE_CHECKING:
    from orchestration.activation.plan import PlanSummary
    from orchestration.activation.runner import SyncReport
    from orchestration.decisions import Decided, Kind
    from orchestration.refresh import Verdict

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer segments in your warehouse: refresh, look, deliver.",
    epilog="Exit codes: 0 done, 1 failed, 2 a setting or argument is wrong, 3 the warehouse cannot "
    "be opened, 4 a refresh step failed, 5 a sync stopped.",
)
out = Console()
log = Console(stderr=True)

Target = Annotated[
    str | None,
    typer.Option(help="Target of profiles.yml (duckdb, postgres, ...); its default if not given."),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        help="UTC instant to evaluate, such as 2026-07-01T00:00:00Z. If not given: `as_of` of "
        "dbt_project.yml, else now."
    ),
]
Sources = Annotated[
    str | None,
    typer.Option(
        help="System of each domain, such as crm=none,billing=generic; the others as in "
        "dbt_project.yml."
    ),
]


def main() -> None:
    """Runs the command; an error a person can act on is one message and an exit code."""
    try:
        app()
    except StrataError as error:
        log.print(f"[bold red]strata:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)


@app.command()
def refresh(target: Target = None, as_of: AsOf = None, sources: Sources = None) -> None:
    """Evaluate every segment as of an instant, audit it, and publish what passed."""
    from orchestration.refresh import Refresh
    from orchestration.refresh import refresh as run_refresh

    instant = parse_instant(as_of) if as_of else default_instant()
    systems = parse_sources(sources)
    if sources and not as_of and project_vars().get("demo_data"):
        raise UsageError(
            "With --sources say --as-of too: the project's own as_of, "
            f"{instant.isoformat()}Z, is the end of the demo company's data. "
            "(Or set as_of: null and demo_data: false in dbt_project.yml.)"
        )
    log.print(f"Refresh as of [bold]{instant.isoformat()}Z[/]", highlight=False)
    steps = Steps(log)
    run = Refresh.start(as_of=instant, target=target, sources=systems, progress=steps)
    verdicts = run_refresh(run)
    steps.end()
    _print_verdicts(verdicts, f"Segments as of {instant.isoformat()}Z")


@app.command()
def segments(target: Target = None) -> None:
    """Show every segment: size, who entered and left, verdict, and what to look at."""
    from orchestration.findings import in_words, read_findings
    from orchestration.refresh import read_verdicts
    from orchestration.warehouse import check_reachable, engine

    check_reachable(target, must_exist=True)
    _print_verdicts(read_verdicts(engine(target)), "Segments at the last refresh")
    for line in in_words(read_findings(engine(target))):
        out.print(f"[dim]to look at[/] {escape(line)}", highlight=False, soft_wrap=True)


SegmentId = Annotated[str, typer.Argument(help="Id of the segment, as `strata segments` shows it.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the decision.")]
By = Annotated[
    str | None, typer.Option(help="Who decides: a name or an e-mail address; else your user name.")
]


@app.command()
def release(segment_id: SegmentId, reason: Reason, by: By = None, target: Target = None) -> None:
    """Let the next refresh publish a held segment whatever its bounds say."""
    decided = _decide(segment_id, "release", reason, by, target)
    lifted = f" What held it: {decided.reasons}." if decided.reasons else ""
    out.print(
        f"[bold]{segment_id}[/] is released.{escape(lifted)} The next `strata refresh` publishes "
        f"it, of {decided.as_of}Z again or of a later instant.",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def hold(segment_id: SegmentId, reason: Reason, by: By = None, target: Target = None) -> None:
    """Keep a segment as it is published until it is released."""
    decided = _decide(segment_id, "hold", reason, by, target)
    out.print(
        f"[bold]{segment_id}[/] is held: it keeps its {decided.published_count:,} published "
        f"members until `strata release {segment_id} --reason ...`.",
        highlight=False,
        soft_wrap=True,
    )


def _decide(
    segment_id: str, kind: "Kind", reason: str, by: str | None, target: str | None
) -> "Decided":
    import getpass

    from orchestration.decisions import decide
    from orchestration.warehouse import check_reachable, engine

    check_reachable(target, must_exist=True)
    return decide(engine(target), segment_id, kind, reason=reason, by=by or getpass.getuser())


@app.command()
def match(target: Target = None) -> None:
    """Propose pairs of contacts that are probably one person; merges nobody."""
    from orchestration.matching import match as run_match
    from orchestration.matching import match_threshold
    from orchestration.warehouse import check_reachable, engine

    check_reachable(target, must_exist=True)
    proposals = run_match(engine(target))
    out.print(
        f"{proposals.contact_count:,} contacts compared by {', '.join(proposals.attributes)}",
        highlight=False,
    )
    for score in (0.5, 0.9, 0.95, 0.99, 0.999):
        out.print(f"  {proposals.count_from(score):,} pairs from {score}", highlight=False)
    threshold = match_threshold()
    if threshold is None:
        out.print(
            "Look at identity.proposed_edges. None is used until match_threshold is set.",
            highlight=False,
        )
    else:
        out.print(
            f"{proposals.count_from(threshold):,} pairs from match_threshold {threshold} on are "
            "used by the next refresh.",
            highlight=False,
        )


@app.command()
def sync(
    name: Annotated[
        str | None, typer.Argument(help="One sync, by the name of its exposure; all if not given.")
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would be sent, and send nothing.")
    ] = False,
    target: Target = None,
) -> None:
    """Deliver audiences to their destinations: only what changed since the last delivery."""
    from orchestration.syncs import chosen_syncs, deliver, plans
    from orchestration.warehouse import check_reachable

    check_reachable(target, must_exist=True)
    chosen = chosen_syncs(name, target)
    if plan:
        _print_plans(plans(chosen, target))
        return
    failures = []
    for report in deliver(chosen, target, log.print):
        if isinstance(report, StrataError):
            failures.append(report)
            log.print(
                f"[bold red]strata:[/] {escape(str(report))}", highlight=False, soft_wrap=True
            )
        else:
            _print_report(report)
    if failures:
        sys.exit(failures[0].exit_code)


@app.command(name="source-map")
def source_map() -> None:
    """Write docs/source-map.md: the raw columns behind every column of the 360s."""
    from orchestration.source_map import PAGE, write_page

    write_page()
    out.print(f"Wrote {PAGE}", highlight=False, soft_wrap=True)


@app.command()
def catalogue() -> None:
    """Write docs/catalogue.md: every segment by its type, with who is in it and what it is for."""
    from orchestration.catalogue import PAGE, write_page

    write_page()
    out.print(f"Wrote {PAGE}", highlight=False, soft_wrap=True)


@app.command()
def demo(target: Target = None) -> None:
    """Load the demo company, refresh it day by day, deliver two audiences, say where to look."""
    from orchestration.demo.run import run_demo

    summary = run_demo(target, Steps(log))
    _print_verdicts(summary.verdicts, f"Segments as of {summary.as_of.isoformat()}Z")
    for report in summary.reports:
        _print_report(report)
    out.print()
    for line in summary.where_to_look:
        out.print(line, highlight=False, soft_wrap=True)


def _print_verdicts(verdicts: list["Verdict"], title: str) -> None:
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("segment", no_wrap=True)
    table.add_column("of")
    table.add_column("size", justify="right")
    table.add_column("entered", justify="right")
    table.add_column("left", justify="right")
    table.add_column("verdict")
    reasons = []
    for row in verdicts:
        if row.verdict == "publish":
            verdict = "[green]published[/]"
        elif row.is_evaluated:
            verdict = "[yellow]held[/]"
        else:
            verdict = "[dim]not evaluated[/]"
        if row.reasons:
            reasons.append(f"{verdict} {row.segment_id}: {escape(row.reasons)}")
        table.add_row(
            row.segment_id,
            f"{row.entity}s",
            f"{row.member_count:,}",
            f"{row.entered_count:,}",
            f"{row.left_count:,}",
            verdict,
        )
    out.print(table)
    for reason in reasons:
        out.print(reason, highlight=False, soft_wrap=True)


def _print_report(report: "SyncReport") -> None:
    out.print(
        f"[bold]{report.sync_name}[/]: {report.added} added, {report.changed} changed, "
        f"{report.removed} removed, {report.unchanged} unchanged"
        + (f", [yellow]{report.rejected} rejected[/]" if report.rejected else "")
        + (f", [yellow]{report.parked} parked[/]" if report.parked else "")
        + f" → {escape(report.address)}",
        highlight=False,
        soft_wrap=True,
    )


def _print_plans(plans: list["PlanSummary"]) -> None:
    for plan in plans:
        waiting = f", {plan.waiting:,} refused before and not due yet" if plan.waiting else ""
        parked = f", {plan.parked:,} parked" if plan.parked else ""
        out.print(
            f"[bold]{plan.sync_name}[/]: {plan.audience:,} in the audience; {plan.added:,} to add, "
            f"{plan.changed:,} to change, {plan.removed:,} to remove, "
            f"{plan.unchanged:,} unchanged{waiting}{parked}",
            highlight=False,
            soft_wrap=True,
        )
    for plan in plans:
        if plan.stopped_by:
            out.print(f"[yellow]{plan.sync_name} would stop: {escape(plan.stopped_by)}[/]")


if __name__ == "__main__":
    main()
