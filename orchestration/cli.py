"""The `strata` command."""

import getpass
import os
import sys
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestration.errors import AlertsOpen, DriftFound, NotReadable, StrataError, UsageError
from orchestration.log import configure, is_json, stopped
from orchestration.progress import Steps
from orchestration.project import default_instant, parse_instant, parse_sources, project_vars
from orchestration.traces import exporter_name

if TYPE_CHECKING:
    from orchestration.decisions import Decided, Kind
    from orchestration.refresh import Verdict

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer segments in your warehouse: refresh, look, deliver.",
    epilog="Exit codes: 0 done, 1 failed, 2 a setting or argument is wrong, 3 the warehouse cannot "
    "be opened, 4 a refresh step failed, 5 a sync stopped, 6 a change is above its bound, "
    "7 a destination differs from what it confirmed, 8 an alert of severity error is open.",
)
new = typer.Typer(no_args_is_help=True, help="Write a new file.")
app.add_typer(new, name="new")
bounds = typer.Typer(no_args_is_help=True, help="Bounds of segments learned from past runs.")
app.add_typer(bounds, name="bounds")


def _console(*, stderr: bool = False) -> Console:
    """A console whose tables are whole in a pipe or a log, too, which have no width."""
    console = Console(stderr=stderr)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 160
    return console


out = _console()
log = _console(stderr=True)

Shown = TypeVar("Shown")

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
AsOfLast = Annotated[
    str | None,
    typer.Option(
        help="UTC instant that the rule's windows end with. If not given: that of the last refresh."
    ),
]
Sources = Annotated[
    str | None,
    typer.Option(
        help="System of each domain, such as crm=none,billing=generic; the others as in "
        "dbt_project.yml."
    ),
]


EntityArgument = Annotated[
    str,
    typer.Argument(
        metavar="ENTITY", help="A customer or an account: its id, or an e-mail address."
    ),
]
SegmentArgument = Annotated[str, typer.Argument(metavar="ID", help="The segment.")]


def main() -> None:
    """Runs the command; an error a person can act on is one message and an exit code."""
    try:
        configure()
        log.quiet = is_json()
        exporter_name()
        app()
    except StrataError as error:
        _stop(error)
    except Exception as error:
        from sqlalchemy.exc import DBAPIError  # Here: importing it would slow every command.

        if not isinstance(error, DBAPIError):
            stopped(error)
            if log.quiet:
                sys.exit(1)
            raise
        said = " ".join(str(error.orig).split("\n\n")[0].split())
        _stop(
            StrataError(
                f"The warehouse refused a query: {said}\nIf a table or column is missing: the "
                "warehouse is another project's or an older one's. `strata refresh` makes what is "
                "missing; STRATA_DUCKDB_PATH or --target names another warehouse."
            )
        )


def _stop(error: StrataError) -> None:
    stopped(error)
    log.print(f"[bold red]strata:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
    sys.exit(error.exit_code)


@app.command()
def refresh(
    target: Target = None,
    as_of: AsOf = None,
    sources: Sources = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full-refresh",
            help="Build what can be rebuilt from its first row on; history and ledgers stay.",
        ),
    ] = False,
) -> None:
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
    run.is_full = full
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
    from orchestration.decisions import decide
    from orchestration.warehouse import check_reachable, engine

    check_reachable(target, must_exist=True)
    return decide(engine(target), segment_id, kind, reason=reason, by=by or getpass.getuser())


@bounds.command()
def propose(
    segment_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One segment; all of them if not given.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write them to the seed, to review and commit.")
    ] = False,
    target: Target = None,
) -> None:
    """Propose how many members segments may have, by hour and weekday where they have a rhythm."""
    from orchestration.bounds import LEAST, SEED, merged, read_seed, read_sizes, write_seed
    from orchestration.bounds import propose as propose_bounds
    from orchestration.warehouse import check_reachable, engine

    committed = read_seed()
    check_reachable(target, must_exist=True)
    sizes = read_sizes(engine(target), segment_id)
    proposed = propose_bounds(sizes)
    held_by = {(one.segment_id, one.weekday, one.hour): one for one in committed}
    table = Table(title="Proposed bounds", title_justify="left", header_style="bold")
    for name in ("segment", "for", "fewest", "most", "runs", "now"):
        table.add_column(name, justify="left" if name in ("segment", "for") else "right")
    for one in proposed:
        now = held_by.get((one.segment_id, one.weekday, one.hour))
        table.add_row(
            one.segment_id,
            one.when,
            f"{one.fewest:,}",
            f"{one.most:,}",
            f"{one.observations:,}",
            f"{now.fewest:,} to {now.most:,}" if now else "",
        )
    if proposed:
        out.print(table)
    learned = {one.segment_id for one in proposed}
    few = len(sizes.keys() - learned)
    if few:
        out.print(f"{few} segments have no proposal: fewer than {LEAST} runs published them.")
    if write and proposed:
        write_seed(merged(committed, proposed))
        out.print(f"Wrote {SEED}. Look at the diff, then commit it.", soft_wrap=True)
    elif proposed:
        out.print("Nothing was written; --write writes the seed learned_bounds.")


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


SyncName = Annotated[
    str | None, typer.Argument(help="One sync, by the name of its exposure; all if not given.")
]


@app.command()
def sync(
    name: SyncName = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would be sent, and send nothing.")
    ] = False,
    release: Annotated[
        bool,
        typer.Option("--release", help="Deliver a plan beyond its guards; takes a name, a reason."),
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Why it is right; kept with the run.")] = None,
    by: By = None,
    target: Target = None,
) -> None:
    """Deliver audiences to their destinations: only what changed since the last delivery."""
    from orchestration.activation.runner import Release
    from orchestration.activation.show import show_plans, show_report
    from orchestration.syncs import chosen_syncs, deliver, plans
    from orchestration.warehouse import check_reachable

    if release and not (name and reason and reason.strip()):
        raise UsageError("--release takes the name of one sync and --reason, which is kept.")
    if reason and not release:
        raise UsageError("--reason goes with --release.")
    check_reachable(target, must_exist=True)
    chosen = chosen_syncs(name, target)
    if plan:
        found = list(plans(chosen, target))
        show_plans([one for one in found if not isinstance(one, StrataError)], out)
        _show_each([one for one in found if isinstance(one, StrataError)], lambda one: None)
        return
    released = Release(by or getpass.getuser(), str(reason).strip()) if release else None
    _show_each(deliver(chosen, target, log.print, released), lambda one: show_report(one, out))


def _show_each(found: Iterable[Shown | StrataError], show: Callable[[Shown], None]) -> None:
    """Show what went well, and each error; exit with the code of the first one."""
    failures = []
    for one in found:
        if isinstance(one, StrataError):
            failures.append(one)
            log.print(f"[bold red]strata:[/] {escape(str(one))}", highlight=False, soft_wrap=True)
        else:
            show(one)
    if failures:
        stopped(failures[0])
        sys.exit(failures[0].exit_code)


@app.command()
def reconcile(
    name: SyncName = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Let the next sync add again whoever is missing.")
    ] = False,
    target: Target = None,
) -> None:
    """Read destinations back, and show where they differ from what they confirmed."""
    from orchestration.activation.reconcile import Drift
    from orchestration.activation.show import missing_in_words, show_drift
    from orchestration.syncs import chosen_syncs, drifts
    from orchestration.warehouse import check_reachable

    check_reachable(target, must_exist=True)
    chosen = chosen_syncs(name, target)
    found = list(drifts(chosen, target, repair=repair))
    if name is None:  # asked of all, those that can say
        for one in found:
            if isinstance(one, NotReadable):
                out.print(f"[dim]{escape(str(one))}[/]", highlight=False, soft_wrap=True)
        found = [one for one in found if not isinstance(one, NotReadable)]
    _show_each(found, lambda one: show_drift(one, out))
    differing = [one for one in found if isinstance(one, Drift) and one.missing > one.repaired]
    if differing:
        missing = ", ".join(missing_in_words(one) for one in differing)
        raise DriftFound(f"missing at the destination: {missing}")


@app.command()
def parked(name: SyncName = None, target: Target = None) -> None:
    """Show the rows that destinations refused too often, in their words."""
    from orchestration.activation.show import show_parked
    from orchestration.syncs import chosen_syncs, parked_rows
    from orchestration.warehouse import check_reachable

    check_reachable(target, must_exist=True)
    show_parked(parked_rows(chosen_syncs(name, target), target), out)


@app.command()
def retry(
    name: Annotated[str, typer.Argument(help="The sync, by the name of its exposure.")],
    keys: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY]...", help="Entity keys; every parked row if not given."),
    ] = None,
    target: Target = None,
) -> None:
    """Let the next sync send parked rows again, with all their attempts before them."""
    from orchestration.syncs import chosen_syncs, release_parked
    from orchestration.warehouse import check_reachable

    check_reachable(target, must_exist=True)
    [chosen] = chosen_syncs(name, target)
    count = release_parked(chosen, keys or [], target)
    out.print(
        f"[bold]{chosen.name}[/]: {count:,} parked rows are due again; "
        f"`strata sync {chosen.name}` sends them.",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


@app.command()
def alerts(
    send: Annotated[
        bool, typer.Option("--send", help="Tell the configured channels what they do not know yet.")
    ] = False,
    target: Target = None,
) -> None:
    """Show what needs somebody: failed runs and syncs, held segments, late sources."""
    from orchestration.alerts.feeds import parsed_project
    from orchestration.alerts.settings import AlertSettings
    from orchestration.alerts.show import show_alerts
    from orchestration.alerts.telling import open_alerts, tell_due
    from orchestration.warehouse import check_reachable, engine

    settings = AlertSettings.read()
    check_reachable(target, must_exist=True)
    found = open_alerts(engine(target), settings, parsed_project(target))
    show_alerts(found, out)
    told = tell_due(engine(target), settings, found) if send else None
    for line in told.lines if told else []:
        log.print(escape(line), highlight=False, soft_wrap=True)
    errors = sum(one.severity == "error" for one in found)
    if errors:
        are = "alert of severity error is" if errors == 1 else "alerts of severity error are"
        raise AlertsOpen(f"{errors} {are} open.")
    if told and told.failures:
        raise StrataError(f"not everybody was told: {', '.join(told.failures)}")


@new.command(name="segment")
def new_segment(
    label: Annotated[str | None, typer.Option(help="Name that a marketer reads.")] = None,
    description: Annotated[str | None, typer.Option(help="Who is in it, in a sentence.")] = None,
    type_: Annotated[
        str | None, typer.Option("--type", help="Kind of segmentation; the file's folder.")
    ] = None,
    segment_id: Annotated[
        str | None, typer.Option("--id", help="snake_case; the file's name.")
    ] = None,
    entity: Annotated[str | None, typer.Option(help="customer or account.")] = None,
    owner: Annotated[str | None, typer.Option(help="E-mail address of who answers for it.")] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(help="'name: SQL', such as 'pays: c.mrr > 0'. Repeat it; all must hold."),
    ] = None,
    requires: Annotated[
        str | None,
        typer.Option(help="Domains without which the rule means nothing, such as billing,events."),
    ] = None,
    purpose: Annotated[str | None, typer.Option(help="What it is used for.")] = None,
    review_by: Annotated[str | None, typer.Option(help="When to look at it again.")] = None,
) -> None:
    """Ask for what is not given, and write the one file of a new segment."""
    from orchestration.segment_tools.ask import ask_for_draft
    from orchestration.segment_tools.new_segment import write_segment
    from orchestration.segment_tools.show import what_to_do_with

    draft = ask_for_draft(
        label=label, description=description, type=type_, segment_id=segment_id, entity=entity,
        owner=owner, conditions=condition, requires=requires, purpose=purpose,
        review_by=review_by, today=date.today(),
    )  # fmt: skip
    log.print("Checking the rule and its examples ...", highlight=False)
    what_to_do_with(write_segment(draft), draft, out)


@app.command()
def preview(segment_id: SegmentArgument, target: Target = None, as_of: AsOfLast = None) -> None:
    """Show what a segment would be: size, changes, MRR, overlaps. Publishes nothing."""
    from orchestration.segment_tools.preview import preview as look
    from orchestration.segment_tools.show import show_preview

    show_preview(look(segment_id, target, as_of), out)


@app.command()
def diff(
    base: Annotated[
        str | None,
        typer.Option(help="Git revision to compare with; the merge base with main if not given."),
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Write a comment for a pull request.")
    ] = False,
    max_change: Annotated[
        float | None,
        typer.Option(min=0, help="Exit with 6 if a larger share of a segment moves, 0.1 is 10%."),
    ] = None,
    target: Target = None,
) -> None:
    """Show what the working tree changes in segments, both evaluated over today's 360s."""
    from orchestration.segment_tools.diff import check_change
    from orchestration.segment_tools.diff import diff as compare
    from orchestration.segment_tools.show import diff_markdown, show_diff

    found = compare(base, target)
    if markdown:
        typer.echo(diff_markdown(found, max_change))
    else:
        show_diff(found, out)
    check_change(found, max_change)


@app.command()
def explain(
    segment_id: SegmentArgument,
    entity: EntityArgument,
    target: Target = None,
    as_of: Annotated[
        str | None, typer.Option(help="Instant at which to tell whether it was a member.")
    ] = None,
) -> None:
    """Show which conditions hold for one customer or account, and whether it is a member."""
    from orchestration.segment_tools.explain import explain as find_out
    from orchestration.segment_tools.show import show_explanation

    show_explanation(find_out(segment_id, entity, target, as_of), out)


@app.command(name="why-left")
def why_left(segment_id: SegmentArgument, entity: EntityArgument, target: Target = None) -> None:
    """Show when and why one customer or account left a segment, and what fails now."""
    from orchestration.segment_tools.explain import explain as find_out
    from orchestration.segment_tools.show import show_last_exit

    show_last_exit(find_out(segment_id, entity, target), out)


@app.command()
def backfill(
    first: Annotated[str, typer.Option("--from", help="First instant, UTC.")],
    last: Annotated[str, typer.Option("--to", help="Last instant, UTC.")],
    every: Annotated[str, typer.Option(help="Step between instants: 1h, 6h, 1d, 2w.")],
    segment: Annotated[str | None, typer.Option(help="Only this segment; needs --into.")] = None,
    into: Annotated[
        Path | None,
        typer.Option(help="DuckDB file to build the history in; made, or gone on with."),
    ] = None,
    target: Target = None,
    sources: Sources = None,
) -> None:
    """Refresh at many instants in order, to build history; never rewrites what is published."""
    from orchestration.segment_tools.backfill import backfill as run_backfill
    from orchestration.segment_tools.backfill import instants_between

    result = run_backfill(
        instants_between(first, last, every),
        target=target, sources=parse_sources(sources), into=into, segment_id=segment,
        steps=Steps(log),
    )  # fmt: skip
    if result.verdicts:
        _print_verdicts(list(result.verdicts), f"Segments as of {result.done[-1].isoformat()}Z")
    done, all_of_them = len(result.done), len(result.instants)
    out.print(f"{done} of {all_of_them} instants are in {result.where}", highlight=False)
    if not result.is_complete:
        following = result.instants[done].isoformat()
        out.print(f"To go on: the same command with --from {following}Z", highlight=False)
        sys.exit(130)


@app.command()
def prune(target: Target = None) -> None:
    """Delete records of runs older than `keep_run_records_days` of dbt_project.yml."""
    from orchestration.retention import keep_days
    from orchestration.retention import prune as delete_old
    from orchestration.warehouse import check_reachable, engine

    days = keep_days()
    check_reachable(target, must_exist=True)
    for table, count in delete_old(engine(target)).items():
        out.print(f"{table}: {count:,} rows older than {days} days deleted", highlight=False)


@app.command()
def erase(
    who: Annotated[
        str,
        typer.Argument(metavar="ID", help="A customer: its id, an e-mail address, ..."),
    ],
    reason: Annotated[str, typer.Option(help="Why; kept, so do not name the person in it.")],
    by: By = None,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="Do it, for good. Without it, only shows what it would do."),
    ] = False,
    removed_from: Annotated[
        list[str] | None,
        typer.Option(
            "--removed-from",
            metavar="SYNC",
            help="A sync at whose destination you deleted the person by hand. Repeat it.",
        ),
    ] = None,
    target: Target = None,
) -> None:
    """Erase a person from what is kept over runs, once sources and destinations have."""
    from orchestration.bi_copy import publish_copy
    from orchestration.erasure.erase import Request, forget_in_pages, plan_erasure
    from orchestration.erasure.erase import erase as run_erasure
    from orchestration.erasure.show import show_erasure
    from orchestration.project import DATA_DOCS_DIR
    from orchestration.warehouse import check_reachable, engine

    check_reachable(target, must_exist=True)
    request = Request(who, reason, by or getpass.getuser(), removed_from or [])
    if not yes:
        planned = plan_erasure(engine(target), request)
        show_erasure(planned, out, is_done=False)
        planned.check()
        out.print("Nothing was erased; --yes does it, and nothing brings it back.")
        return
    done = run_erasure(engine(target), request)
    show_erasure(done, out, is_done=True)
    pages = forget_in_pages(DATA_DOCS_DIR, done.person)
    if pages:
        out.print(f"{pages:,} pages of {DATA_DOCS_DIR} reworded", highlight=False, soft_wrap=True)
    publish_copy(target)
    out.print("Erased. docs/erasure.md lists what may still have them, such as backups.")


@app.command()
def doctor(
    target: Target = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write JSON, for a program that watches.")
    ] = False,
) -> None:
    """Check the installation and say what to do; changes nothing. Exits with 1 if a check fails."""
    from orchestration.doctor.checks import examine
    from orchestration.doctor.result import Status
    from orchestration.doctor.show import results_as_json, show_results, worst

    results = examine(target)
    if as_json:
        typer.echo(results_as_json(results))
    else:
        show_results(results, out)
    if worst(results) is Status.FAILED:
        sys.exit(1)


@app.command()
def docs(target: Target = None) -> None:
    """Write the pages of dbt docs, with every segment, its conditions and its audit."""
    from orchestration.docs_site import write_site
    from orchestration.project import TARGET_DIR

    page = write_site(target)
    out.print(f"Wrote {page}", highlight=False, soft_wrap=True)
    out.print(
        f"To look at it: python3 -m http.server --bind 127.0.0.1 --directory {TARGET_DIR} 8080",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


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
    """Load the demo company, refresh it day by day, deliver its audiences, say where to look."""
    from orchestration.activation.show import show_report
    from orchestration.demo.run import run_demo

    summary = run_demo(target, Steps(log))
    _print_verdicts(summary.verdicts, f"Segments as of {summary.as_of.isoformat()}Z")
    for report in summary.reports:
        show_report(report, out)
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
    left_out: dict[str, list[str]] = {}  # by reason: those with nothing to show
    for row in verdicts:
        if row.verdict == "publish":
            verdict = "[green]published[/]"
        elif row.is_evaluated:
            verdict = "[yellow]held[/]"
        else:
            verdict = "[dim]not evaluated[/]"
            if row.member_count == 0:
                left_out.setdefault(row.reasons, []).append(row.segment_id)
                continue
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
    for why, ids in sorted(left_out.items()):
        out.print(
            f"[dim]not evaluated[/] ({escape(why)}): {', '.join(ids)}",
            highlight=False,
            soft_wrap=True,
        )


if __name__ == "__main__":
    main()
