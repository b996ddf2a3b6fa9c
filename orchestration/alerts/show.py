"""What a person at a terminal sees of alerts."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestration.alerts.alert import Alert
from orchestration.alerts.message import KINDS


def show_alerts(alerts: Sequence[Alert], out: Console) -> None:
    """The open alerts, errors first."""
    if not alerts:
        out.print("No alert is open.")
        return
    table = Table(
        title="Open alerts", title_justify="left", header_style="bold", show_lines=True, expand=True
    )
    for name, ratio in (("severity", None), ("since, UTC", None), ("what", 4), ("affects", 2),
                        ("command", 3)):  # fmt: skip
        table.add_column(name, overflow="fold", ratio=ratio)
    order = list(KINDS)
    for alert in sorted(alerts, key=lambda one: (one.severity, order.index(one.kind), one.key)):
        style = "red" if alert.severity == "error" else "yellow"
        table.add_row(
            f"[{style}]{alert.severity}[/]",
            alert.since.isoformat(sep=" ", timespec="minutes"),
            f"[bold]{escape(alert.subject)}[/]\n{escape(alert.message)}",
            escape(alert.affects),
            escape(alert.command),
        )
    out.print(table)
