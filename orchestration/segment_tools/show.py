"""What the segment tools print."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestration.project import PROJECT_DIR, project_vars
from orchestration.segment_tools.diff import Diff, SegmentChange
from orchestration.segment_tools.evaluation import written
from orchestration.segment_tools.explain import REASONS, Condition, Explanation, Stay
from orchestration.segment_tools.new_segment import Draft
from orchestration.segment_tools.preview import Preview


def what_to_do_with(path: Path, draft: Draft, out: Console) -> None:
    """What was written, and what to do next."""
    said = [
        f"Wrote {path.relative_to(PROJECT_DIR)}. Its rule compiles and its examples hold.",
        "Next:",
        "  1. Read the examples: each says what the rule answers, not what you meant. Add the "
        "edges that matter.",
        f"  2. strata preview {draft.segment_id}   who would be in it, without publishing anything",
        "  3. Set min_size, max_share and max_change (docs/segments.md), and commit the file.",
        "  4. strata refresh   evaluates, audits and publishes it with the others",
    ]
    for line in said:
        out.print(escape(line), highlight=False, soft_wrap=True)


def show_preview(found: Preview, out: Console) -> None:
    """A preview, for a terminal."""
    entities = f"{found.entity}s"
    out.print(
        f"[bold]{found.segment_id}[/] {escape(found.label)}, as of {written(found.as_of)}; nothing "
        "is published",
        highlight=False,
        soft_wrap=True,
    )
    if found.as_of != found.stands_as_of:
        out.print(
            f"[yellow]![/] The 360s stand as of {written(found.stands_as_of)}: only the windows of "
            "the rule end with the later instant.",
            highlight=False,
            soft_wrap=True,
        )
    for name, near in found.unseen_events.items():
        meant = f" Nearest: {', '.join(near)}." if near else ""
        out.print(
            f"[yellow]![/] No customer ever had an event '{escape(name)}'.{escape(meant)}",
            highlight=False,
            soft_wrap=True,
        )
    facts = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    facts.add_column(no_wrap=True)
    facts.add_column(justify="right", no_wrap=True)
    facts.add_column()
    facts.add_row("members", f"{found.member_count:,}",
                  f"{_share(found.member_count, found.entity_count)} of {found.entity_count:,} "
                  f"{entities}")  # fmt: skip
    facts.add_row("published now", f"{found.published_count:,}", "")
    facts.add_row("would enter", f"{found.entering_count:,}", _sample(found.entering))
    facts.add_row("would leave", f"{found.leaving_count:,}", _sample(found.leaving))
    facts.add_row("their MRR", _money(found.mrr),
                  f"{_share(found.mrr, found.total_mrr)} of {_money(found.total_mrr)}")  # fmt: skip
    facts.add_row("such as", "", ", ".join(found.members))
    out.print(facts)
    if found.overlaps:
        table = Table(title="Most shared with", title_justify="left", header_style="bold")
        table.add_column("segment", no_wrap=True)
        table.add_column("shared", justify="right")
        table.add_column(f"of {found.segment_id}", justify="right")
        table.add_column("of the other", justify="right")
        for other in found.overlaps:
            table.add_row(
                other.segment_id,
                f"{other.shared_count:,}",
                _share(other.shared_count, found.member_count),
                _share(other.shared_count, other.other_count),
            )
        out.print(table)
    if found.verdict == "publish":
        said = "[green]would be published[/], if the audit finds nothing"
    else:
        said = f"[yellow]would be held[/]: {escape(found.reasons)}"
    out.print(f"Verdict: {said}", highlight=False, soft_wrap=True)


def show_diff(found: Diff, out: Console) -> None:
    """A diff, for a terminal."""
    if not found.changes and not found.settings_changed:
        out.print(f"No segment differs from {found.base}.", highlight=False)
        return
    if found.changes and found.as_of:
        table = Table(
            title=f"Segments against {found.base}, as of {written(found.as_of)}",
            title_justify="left",
            header_style="bold",
        )
        table.add_column("segment", no_wrap=True)
        table.add_column("change")
        for name in ("before", "after", "enter", "leave", "moved", "MRR in", "MRR out"):
            table.add_column(name, justify="right")
        table.add_column("syncs")
        for change in found.changes:
            table.add_row(*_diff_cells(change), ", ".join(change.syncs))
        out.print(table)
    for line in _diff_details(found):
        out.print(escape(line), highlight=False, soft_wrap=True)


def diff_markdown(found: Diff, max_change: float | None = None) -> str:
    """A diff, for a comment under a pull request."""
    if not found.changes and not found.settings_changed:
        return f"No segment differs from `{found.base}`."
    lines = [f"### Segments against `{found.base}`"]
    if found.changes and found.as_of:
        lines += [
            "",
            f"Both definitions over the same customers, as of {written(found.as_of)}; MRR in "
            f"{project_vars().get('reporting_currency', '')}.",
            "",
            "| segment | change | before | after | enter | leave | moved | MRR in | MRR out "
            "| syncs |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
        ]
        for change in found.changes:
            cells = [f"`{change.segment_id}`", *_diff_cells(change)[1:]]
            cells.append(", ".join(f"`{name}`" for name in change.syncs))
            lines.append(f"| {' | '.join(cell or ' ' for cell in cells)} |")
    details = _diff_details(found, quote="`")
    if details:
        lines += ["", *[_markdown_item(line) for line in details]]
    if max_change is not None:
        above = [f"`{one.segment_id}`" for one in found.above(max_change)]
        lines += [
            "",
            f"**Above the bound of {max_change:.1%}:** {', '.join(above)}"
            if above
            else f"All within the bound of {max_change:.1%}.",
        ]
    return "\n".join(lines)


def show_explanation(found: Explanation, out: Console) -> None:
    """Conditions and membership of one entity, for a terminal."""
    _heading(found, out)
    for line in _membership(found):
        out.print(line, highlight=False, soft_wrap=True)
    _show_conditions(found, out)
    if found.conditions and found.asked_as_of is None:
        holds = all(condition.result for condition in found.conditions)
        if holds and found.stay_then is None:
            out.print(_not_yet(found), highlight=False, soft_wrap=True)
        elif not holds and found.stay_then is not None:
            out.print(_still(found), highlight=False, soft_wrap=True)


def show_last_exit(found: Explanation, out: Console) -> None:
    """The last stay that ended, for a terminal."""
    _heading(found, out)
    current, last = found.stay_then, found.last_exit
    if current is not None:
        since = "again " if last else ""
        out.print(
            f"It has not left: it is a member {since}since {written(current.valid_from)} "
            f"({_why(current.entry_reason)}).",
            highlight=False,
            soft_wrap=True,
        )
    if last is not None:
        _show_stay(last, found, out)
    elif current is None:
        out.print("It was never a published member.", highlight=False)
    if current is None:
        _show_conditions(found, out, failing_only=True)
        if found.conditions and all(condition.result for condition in found.conditions):
            out.print(_not_yet(found), highlight=False, soft_wrap=True)


def _show_stay(stay: Stay, found: Explanation, out: Console) -> None:
    ended = stay.valid_to or stay.valid_from
    out.print(
        f"Last stay: {written(stay.valid_from)} to {written(ended)}, "
        f"{_days(ended - stay.valid_from)}"
        f"\n  entered because {_why(stay.entry_reason)} (definition {stay.definition_version})"
        f"\n  left because {_why(stay.exit_reason)}"
        + (f" (definition {stay.exit_version})" if stay.exit_version else "")
        + (
            f"\n  the definition is now {found.definition_version}"
            if found.definition_version not in (stay.exit_version, None)
            else ""
        ),
        highlight=False,
        soft_wrap=True,
    )


def _heading(found: Explanation, out: Console) -> None:
    who = f"{found.who.entity} [bold]{escape(found.who.entity_id)}[/]"
    said = f" ({escape(found.who.found_by)})" if found.who.found_by else ""
    out.print(
        f"[bold]{found.segment_id}[/] {escape(found.label)} and the {who}{said}",
        highlight=False,
        soft_wrap=True,
    )


def _membership(found: Explanation) -> list[str]:
    stay, at = found.stay_then, found.asked_as_of
    then = f"at {written(at)}" if at else "now"
    if stay is None:
        earlier = [
            one for one in found.stays if one.valid_to and (at is None or one.valid_to <= at)
        ]
        said = "; it was until " + written(earlier[-1].valid_to) if (
            earlier and earlier[-1].valid_to
        ) else ""  # fmt: skip
        lines = [f"[yellow]Not a published member[/] {then}{said}"]
    else:
        until = f" until {written(stay.valid_to)}" if stay.valid_to else ""
        verb = "was" if at else "is"
        lines = [
            f"[green]Published member[/] {then}: it {verb} one since {written(stay.valid_from)}"
            f"{until}, because {_why(stay.entry_reason)} (definition {stay.definition_version})"
        ]
    if at:
        lines.append(
            f"The conditions below are those of the 360 as it stands, as of "
            f"{written(found.stands_as_of)}: earlier ones are not kept."
        )
    return lines


def _show_conditions(found: Explanation, out: Console, *, failing_only: bool = False) -> None:
    if found.no_conditions_because:
        out.print(
            f"No conditions to show: {escape(found.no_conditions_because)}.",
            highlight=False,
            soft_wrap=True,
        )
        return
    shown = [one for one in found.conditions if not (failing_only and one.result)]
    if not shown:
        return
    table = Table(
        title=("What fails" if failing_only else "Conditions")
        + f", as of {written(found.stands_as_of)}",
        title_justify="left",
        header_style="bold",
    )
    table.add_column("holds", no_wrap=True)
    table.add_column("condition")
    table.add_column("values it saw", overflow="fold")
    for one in shown:
        table.add_row(
            _holds(one),
            f"{escape(one.name)}\n[dim]{escape(one.sql)}[/]",
            "\n".join(f"{column} = {escape(_seen(value))}" for column, value in one.values.items()),
        )
    out.print(table)


def _holds(condition: Condition) -> str:
    if condition.result is None:
        return "[yellow]unknown[/]"
    return "[green]true[/]" if condition.result else "[red]false[/]"


def _not_yet(found: Explanation) -> str:
    if found.last_verdict == "hold":
        return f"All conditions hold; the segment was held: {escape(found.last_reasons)}"
    if found.last_verdict is None:
        return (
            "All conditions hold; the segment was never evaluated: `strata refresh` publishes it."
        )
    if found.last_version != found.definition_version:
        return (
            "All conditions hold: the definition was edited since the last refresh, and the next "
            "one publishes it if it passes."
        )
    return (
        "All conditions hold, and yet it was no member at the last refresh: a manual list or a "
        "segment of higher priority keeps it out, or the 360s are newer than that refresh."
    )


def _still(found: Explanation) -> str:
    if found.last_verdict == "hold":
        why = f"the segment was held at the last refresh: {escape(found.last_reasons)}"
    elif found.last_version != found.definition_version:
        why = "the definition was edited since the last refresh"
    else:
        why = "a manual list says so, or the 360s are newer than the last refresh"
    return f"It is published all the same: {why}."


def _why(reason: str | None) -> str:
    return REASONS.get(reason or "", reason or "of a reason that was not recorded")


def _diff_cells(change: SegmentChange) -> list[str]:
    moved = "" if change.moved_share is None else f"{change.moved_share:.1%}"
    return [
        change.segment_id,
        change.change + (" (not evaluated)" if change.not_evaluated_reason else ""),
        f"{change.before_count:,}",
        f"{change.after_count:,}",
        f"{change.added_count:,}",
        f"{change.removed_count:,}",
        moved,
        _money(change.mrr_added),
        _money(change.mrr_removed),
    ]


def _diff_details(found: Diff, quote: str = "") -> list[str]:
    """What was edited, a line for each condition and setting."""
    lines = []
    for change in found.changes:
        for one in change.conditions:
            if change.change != "changed":
                continue
            if one.before is None:
                said = f"new: {quote}{one.after}{quote}"
            elif one.after is None:
                said = f"gone: {quote}{one.before}{quote}"
            else:
                said = f"{quote}{one.before}{quote} → {quote}{one.after}{quote}"
            lines.append(f"{change.segment_id}: {one.name}: {said}")
        if change.not_evaluated_reason:
            lines.append(f"{change.segment_id}: not evaluated: {change.not_evaluated_reason}")
    for segment_id, settings in found.settings_changed.items():
        lines += [f"{segment_id}: {setting}" for setting in settings]
    return lines


def _markdown_item(line: str) -> str:
    segment_id, _, said = line.partition(": ")
    return f"- `{segment_id}`: {said}"


def _sample(entity_ids: Any) -> str:
    return ", ".join(entity_ids)


def _seen(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, datetime):
        return written(value)
    return str(value)


def _money(amount: Decimal | float) -> str:
    return f"{amount:,.2f}"


def _share(part: Decimal | float, whole: Decimal | float) -> str:
    return f"{float(part) / float(whole):.1%}" if whole else "none"


def _days(duration: Any) -> str:
    hours = duration.total_seconds() / 3600
    return f"{hours / 24:,.0f} days" if hours >= 48 else f"{hours:,.0f} hours"
