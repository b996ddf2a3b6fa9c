"""The `strata` command."""

import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from orchestration.errors import StrataError, UsageError
from orchestration.project import default_instant, parse_instant, parse_sources

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
        log.print(f"[bold red]strata:[/] {_escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)


class Steps:
    """Shows the step that is running and, when it ends, how long it took."""

    def __init__(self) -> None:
        self._step = ""
        self._started = 0.0
        self._nodes = 0

    def __call__(self, step: str) -> None:
        """Ends the running step and starts the next."""
        self.end()
        self._step, self._started, self._nodes = step, time.monotonic(), 0
        if log.is_terminal:
            log.print(f"  [dim]… {_escape(step)}[/]", end="\r", highlight=False)

    def node(self, _result: object) -> None:
        """Counts a model or test of the running step."""
        self._nodes += 1
        if log.is_terminal:
            log.print(
                f"  [dim]… {_escape(self._step)}: {self._nodes}[/]", end="\r", highlight=False
            )

    def end(self) -> None:
        """Prints the line of the running step."""
        if not self._step:
            return
        seconds = time.monotonic() - self._started
        counted = f", {self._nodes} models and tests" if self._nodes else ""
        log.print(
            f"  [green]✓[/] {_escape(self._step)} [dim]({seconds:.1f} s{counted})[/]",
            highlight=False,
        )
        self._step = ""


@app.command()
def refresh(target: Target = None, as_of: AsOf = None, sources: Sources = None) -> None:
    """Evaluate every segment as of an instant, audit it, and publish what passed."""
    from orchestration.refresh import Refresh
    from orchestration.refresh import refresh as run_refresh

    instant = parse_instant(as_of) if as_of else default_instant()
    systems = parse_sources(sources)
    log.print(f"Refresh as of [bold]{instant.isoformat()}Z[/]", highlight=False)
    steps = Steps()
    run = Refresh.start(
        as_of=instant, target=target, sources=systems, progress=steps, on_result=steps.node
    )
    verdicts = run_refresh(run)
    steps.end()
    _print_verdicts(verdicts, f"Segments as of {instant.isoformat()}Z")


@app.command()
def segments(target: Target = None) -> None:
    """Show every segment: size, who entered and left at the last refresh, verdict."""
    from orchestration.refresh import read_verdicts
    from orchestration.warehouse import check_reachable, engine

    check_reachable(target)
    _print_verdicts(read_verdicts(engine(target)), "Segments at the last refresh")


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

    check_reachable(target)
    chosen = chosen_syncs(name, target)
    if plan:
        _print_plans(plans(chosen, target))
        return
    failures = []
    for report in deliver(chosen, target, log.print):
        if isinstance(report, StrataError):
            failures.append(report)
            log.print(f"[bold red]strata:[/] {_escape(str(report))}", highlight=False)
        else:
            out.print(
                f"{report.sync_name}: {report.added} added, {report.changed} changed, "
                f"{report.removed} removed, {report.unchanged} unchanged"
                + (f", [yellow]{report.rejected} rejected[/]" if report.rejected else "")
                + (f", [yellow]{report.parked} parked[/]" if report.parked else "")
                + f" [dim]→ {_escape(report.address)}[/]",
                highlight=False,
                soft_wrap=True,
            )
    if failures:
        sys.exit(failures[0].exit_code)


@app.command()
def demo(target: Target = None) -> None:
    """Load the demo company, refresh it day by day, deliver two audiences, say where to look."""
    from orchestration.demo.run import run_demo

    steps = Steps()
    run_demo(target, steps, steps.node, out)


def _print_verdicts(verdicts: list["Verdict"], title: str) -> None:  # noqa: F821
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("segment", no_wrap=True)
    table.add_column("of")
    table.add_column("size", justify="right")
    table.add_column("entered", justify="right")
    table.add_column("left", justify="right")
    table.add_column("verdict")
    for row in verdicts:
        if not row.is_evaluated:
            verdict = f"[dim]not evaluated: {_escape(row.reasons)}[/]"
        elif row.verdict == "hold":
            verdict = f"[yellow]held: {_escape(row.reasons)}[/]"
        else:
            verdict = "[green]published[/]"
        table.add_row(
            row.segment_id,
            f"{row.entity}s",
            f"{row.member_count:,}",
            f"{row.entered_count:,}",
            f"{row.left_count:,}",
            verdict,
        )
    out.print(table)


def _print_plans(plans: list["PlanSummary"]) -> None:  # noqa: F821
    table = Table(title="What a sync would send", title_justify="left", header_style="bold")
    table.add_column("sync", no_wrap=True)
    for column in ("audience", "add", "change", "remove", "unchanged", "waiting", "parked"):
        table.add_column(column, justify="right")
    for plan in plans:
        table.add_row(
            plan.sync_name,
            *(
                f"{count:,}"
                for count in (
                    plan.audience,
                    plan.added,
                    plan.changed,
                    plan.removed,
                    plan.unchanged,
                    plan.waiting,
                    plan.parked,
                )
            ),
        )
    out.print(table)
    for plan in plans:
        if plan.stopped_by:
            out.print(f"[yellow]{plan.sync_name} would stop: {_escape(plan.stopped_by)}[/]")


def _escape(text: str) -> str:
    return text.replace("[", "\\[")


if __name__ == "__main__":
    main()
