"""What a person at a terminal, or a program, sees of the checks."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestration.doctor.result import Result, Status

WORDS = {
    Status.OK: "[green]ok[/]",
    Status.WARNING: "[yellow]warning[/]",
    Status.FAILED: "[bold red]failed[/]",
}


def worst(results: Sequence[Result]) -> Status:
    """The worst status of all."""
    return max((one.status for one in results), default=Status.OK)


def show_results(results: Sequence[Result], out: Console) -> None:
    """A table, and how many warnings and failures there are."""
    table = Table(header_style="bold")
    table.add_column("check", no_wrap=True)
    table.add_column("")
    table.add_column("found, and what to do", overflow="fold", ratio=1)
    for one in results:
        todo = f"\n[bold]→[/] {escape(one.todo)}" if one.todo else ""
        table.add_row(one.check, WORDS[one.status], escape(one.found) + todo)
    out.print(table)
    counts = [sum(one.status == status for one in results) for status in Status]
    out.print(
        f"{counts[Status.OK]} ok, {counts[Status.WARNING]} warnings, {counts[Status.FAILED]} failed"
    )


def results_as_json(results: Sequence[Result]) -> str:
    """One JSON object: the worst status, and every result."""
    return json.dumps(
        {
            "status": worst(results).name.lower(),
            "checks": [one.as_json() for one in results],
        },
        indent=2,
    )
