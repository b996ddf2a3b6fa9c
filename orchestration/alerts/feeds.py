"""Which syncs an alert is about or affects, as the parsed project says it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestration.activation.exposures import Sync, load_syncs, syncs_by_segment
from orchestration.alerts.alert import Alert
from orchestration.errors import StrataError
from orchestration.project import parse_sources

OF_SYNCS = ("failed_sync", "parked_rows")
OF_SEGMENTS = ("held_segment", "review_due")

Manifest = Callable[[], Mapping[str, Any]]
"""Gives dbt's manifest; parsing takes seconds, so it is asked only if there is need."""


def parsed_project(target: str | None) -> Manifest:
    """The manifest of this project, parsed when it is asked for."""

    def manifest() -> Mapping[str, Any]:
        from orchestration.dbt import Dbt
        from orchestration.warehouse import target_name

        return Dbt(target_name(target), {"strata_sources": parse_sources(None)}).manifest_dict()

    return manifest


def with_syncs(alerts: Sequence[Alert], manifest: Manifest) -> list[Alert]:
    """The alerts with the syncs that they affect, without those of syncs that are no more.

    A project that does not parse is one more reason to tell them: they are as they were.
    """
    if not any(alert.kind in (*OF_SYNCS, *OF_SEGMENTS) for alert in alerts):
        return list(alerts)
    try:
        parsed = manifest()
        syncs = {sync.name: sync for sync in load_syncs(parsed)}
        by_segment = syncs_by_segment(parsed)
    except StrataError:
        return list(alerts)
    found = []
    for alert in alerts:
        if alert.kind in OF_SYNCS:
            if alert.about not in syncs:
                continue
            found.append(replace(alert, affects=_listed([syncs[alert.about]])))
        elif alert.kind in OF_SEGMENTS:
            found.append(replace(alert, affects=_listed(by_segment.get(alert.about, []))))
        else:
            found.append(alert)
    return found


def _listed(syncs: Iterable[Sync]) -> str:
    return ", ".join(f"{sync.audience_table} → {sync.destination} ({sync.name})" for sync in syncs)
