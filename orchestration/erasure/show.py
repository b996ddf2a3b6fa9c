"""What an erasure does or did, for a person at a terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestration.erasure.erase import Erasure


def show_erasure(found: Erasure, out: Console, *, is_done: bool) -> None:
    """The tables that have something of the person, how many rows, and what becomes of them."""
    person = found.person
    merged = len(person.customer_ids) - 1
    said = f" and {merged:,} merged into it" if merged else ""
    out.print(
        f"[bold]{escape(person.customer_id)}[/]{said}: {len(person.identifiers):,} identifiers",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    table = Table(header_style="bold")
    table.add_column("table", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("were" if is_done else "would be")
    kept = [change for change in found.changes if not change.is_rebuilt]
    rebuilt = [change for change in found.changes if change.is_rebuilt]
    for change in kept:
        table.add_row(change.relation, f"{change.row_count:,}", change.action)
    if rebuilt:
        count = sum(change.row_count for change in rebuilt)
        some = f"{len(rebuilt):,} that refreshes build anew"
        table.add_row(some, f"{count:,}", rebuilt[0].action)
    if found.changes:
        out.print(table)
    else:
        out.print("No table has anything of them.")
