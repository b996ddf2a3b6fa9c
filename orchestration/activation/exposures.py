"""Reads the syncs of a dbt project from its manifest: a sync is an exposure.

An exposure is taken for a sync when its name starts with `sync_` or its meta names a
destination; other exposures, dashboards for example, are left alone.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from expectations.suites import AudienceTerms, Relation
from orchestration.destinations.base import Settings, problems
from orchestration.destinations.registry import DESTINATIONS
from orchestration.errors import UsageError

KEY = "entity_key"
ON_PUBLISH = "on_publish"
BATCH_SIZE = 500
# Of minute, hour, day of the month, month and day of the week: the least and the greatest.
_CRON_PARTS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_CRON_ITEM = re.compile(r"(\*|(\d+)(-(\d+))?|[A-Za-z]{3}(-[A-Za-z]{3})?)(/[1-9]\d*)?")


def _is_cron(text: str) -> bool:
    """Whether it is a cron expression of five parts, each within its bounds."""
    parts = text.split()
    if len(parts) != len(_CRON_PARTS):
        return False
    for part, (least, greatest) in zip(parts, _CRON_PARTS, strict=True):
        for item in part.split(","):
            found = _CRON_ITEM.fullmatch(item)
            numbers = [int(one) for one in (found[2], found[4]) if one] if found else [-1]
            if any(not least <= one <= greatest for one in numbers):
                return False
    return True


class _Meta(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Limits(_Meta):
    """How much at a time, and how often."""

    batch_size: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Rows per request; 500, or the most that the destination takes, if not given."""
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 8
    """Rejections of one change after which it is parked."""


class Guards(_Meta):
    """Shares of what the destination holds that one run may move, beyond which it stops."""

    max_removal_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    max_change_share: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Adds, changes and removals together; asked from `plan.CHANGES_ASKED_FROM` members on."""


class FieldMeta(_Meta):
    """One field of the destination."""

    column: str
    """The audience's column."""
    nulls: Literal["keep", "overwrite"] = "keep"
    """Whether a null clears what the destination has."""


class SyncMeta(_Meta):
    """What an exposure's meta may say. The defaults suit a few thousand to a few million rows."""

    destination: str
    mode: Literal["mirror", "upsert", "insert", "archive"]
    settings: dict[str, Any]
    identifier: str | None = None
    mapping: Annotated[dict[str, str | FieldMeta], Field(min_length=1)] | None = None
    schedule: str = ON_PUBLISH
    time_zone: str = "UTC"
    limits: Limits = Limits()
    guards: Guards = Guards()
    shared_list: bool = False

    @field_validator("schedule")
    @classmethod
    def _is_schedule(cls, schedule: str) -> str:
        if schedule != ON_PUBLISH and not _is_cron(schedule):
            raise ValueError(f"{ON_PUBLISH}, or a cron expression of five parts")
        return schedule.strip()

    @field_validator("time_zone")
    @classmethod
    def _is_time_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("an IANA time zone such as Europe/Berlin")
        return name


@dataclass(frozen=True, slots=True)
class MappedField:
    """A field of the destination, the audience's column behind it, and what a null does."""

    name: str
    column: str
    is_null_sent: bool = False


@dataclass(frozen=True, slots=True)
class Sync:
    """One audience kept equal in one destination."""

    name: str
    owner_name: str
    owner_email: str
    audience_node: str
    """The audience model's unique id in dbt."""
    audience_schema: str
    audience_table: str
    destination: str
    mode: str
    settings: Settings
    label: str = ""
    """What people call it."""
    terms: AudienceTerms | None = None
    """What the audience promises, which is audited before anything is sent."""
    identifier: str = KEY
    """The audience's column that the destination knows members by."""
    mapping: Sequence[MappedField] = ()
    """The fields that are sent; every column by its own name if there are none."""
    rank_column: str | None = None
    """The audience's column by which its rows are in order; that of the keys if there is none."""
    schedule: str = ON_PUBLISH
    """`on_publish`, or a cron expression."""
    time_zone: str = "UTC"
    """Of the cron expression: where clocks are changed, so is the instant of its hour."""
    batch_size: int = BATCH_SIZE
    """Rows per claim and per request."""
    max_removal_share: float = 0.5
    """Largest share of what the destination holds that one run may remove, 0 to 1."""
    max_change_share: float = 1.0
    """Largest share of it that one run may add, change and remove together."""
    max_attempts: int = 8
    """Rejections of one change after which it is parked."""
    shared_list: bool = False
    """True where others write to the same list: whom they added is not removed."""

    @property
    def audience(self) -> str:
        """The audience's qualified name, for messages."""
        return f"{self.audience_schema}.{self.audience_table}"


def load_syncs(manifest: Mapping[str, Any]) -> list[Sync]:
    """Read every sync from dbt's manifest, in order of name.

    Raises:
        UsageError: one line for each thing that is wrong, naming exposure and key.
    """
    syncs: list[Sync] = []
    wrong: list[str] = []
    for exposure in manifest.get("exposures", {}).values():
        meta = _meta(exposure)
        if not (exposure["name"].startswith("sync_") or "destination" in meta):
            continue
        found = list(_load(exposure, meta, manifest))
        syncs += [item for item in found if isinstance(item, Sync)]
        wrong += [f"exposure {exposure['name']}: {item}" for item in found if isinstance(item, str)]
    wrong += _about_shared_places(syncs)
    if wrong:
        raise UsageError("\n".join(sorted(wrong)))
    return sorted(syncs, key=lambda sync: sync.name)


def syncs_by_segment(manifest: Mapping[str, Any]) -> dict[str, list[Sync]]:
    """The syncs that deliver an audience, or entries and exits, of each segment that has some.

    Raises as `load_syncs`.
    """
    delivered: dict[str, list[Sync]] = {}
    for sync in load_syncs(manifest):
        noted = manifest["nodes"][sync.audience_node]["config"]["meta"]["audience"]
        for segment_id in noted.get("segments") or [noted["segment_id"]]:
            delivered.setdefault(segment_id, []).append(sync)
    return delivered


def _about_shared_places(syncs: Sequence[Sync]) -> Iterator[str]:
    """Syncs that would replace what another one wrote."""
    first: dict[tuple[str, str], str] = {}
    for sync in syncs:
        place = sync.settings.replaced_whole()
        if place is None:
            continue
        other = first.setdefault((sync.destination, place), sync.name)
        if other != sync.name:
            yield (
                f"exposure {sync.name}: {other} writes {place} too, and each would replace what "
                "the other wrote; accepted: a place of its own for each sync"
            )


def _meta(exposure: Mapping[str, Any]) -> Mapping[str, Any]:
    configured = (exposure.get("config") or {}).get("meta")
    return configured or exposure.get("meta") or {}


def _load(
    exposure: Mapping[str, Any], raw: Mapping[str, Any], manifest: Mapping[str, Any]
) -> Iterator[Sync | str]:
    """Give the sync, or else each problem as text."""
    audiences = _audiences(exposure, manifest)
    if len(audiences) != 1:
        names = ", ".join(node["name"] for node in audiences) or "none"
        yield (
            f"depends on {len(audiences)} audience models ({names}); accepted: exactly one "
            "model whose name starts with audience_"
        )
    terms = _terms(audiences[0]) if len(audiences) == 1 else None
    if len(audiences) == 1 and terms is None:
        yield f"the model {audiences[0]['name']} is not made with the macro audience()"
    owner = exposure.get("owner") or {}
    if not owner.get("email"):
        yield "missing key `owner.email`; a sync needs someone to ask"

    meta: SyncMeta | None = None
    try:
        meta = SyncMeta.model_validate(dict(raw))
    except ValidationError as error:
        yield from problems(SyncMeta, error)

    model = DESTINATIONS.get(str(raw.get("destination")))
    if model is None:
        if "destination" in raw:
            known = ", ".join(DESTINATIONS)
            yield f"unknown destination {raw['destination']!r}; accepted: {known}"
        return
    settings: Settings | None = None
    if isinstance(raw.get("settings"), Mapping):
        try:
            settings = model.model_validate(dict(raw["settings"]))
        except ValidationError as error:
            yield from problems(model, error, prefix="settings.")

    if meta and terms:
        yield from _about_columns(meta, terms)
    if meta and meta.mode not in model.modes:
        accepted = ", ".join(model.modes)
        yield f"`mode` is {meta.mode!r}; the destination {meta.destination} can: {accepted}"
    elif meta and settings and (lacking := settings.lacks(meta.mode)):
        yield f"`settings`: the mode {meta.mode} needs {lacking}"
    size = meta.limits.batch_size if meta else None
    if size and size > model.largest_batch:
        yield (
            f"`limits.batch_size` is {size}; the destination {raw['destination']} takes at most "
            f"{model.largest_batch} rows in a request"
        )
    if meta and settings and terms and owner.get("email"):
        yield Sync(
            name=exposure["name"],
            label=exposure.get("label") or exposure["name"],
            rank_column=terms.rank_column,
            owner_name=owner.get("name") or owner["email"],
            owner_email=owner["email"],
            audience_node=audiences[0]["unique_id"],
            audience_schema=terms.relation.schema,
            audience_table=terms.relation.table,
            terms=terms,
            destination=meta.destination,
            mode=meta.mode,
            settings=settings,
            identifier=meta.identifier or (terms.identifier if model.knows_members_by else KEY),
            mapping=_mapped(meta),
            schedule=meta.schedule,
            time_zone=meta.time_zone,
            batch_size=size or min(BATCH_SIZE, model.largest_batch),
            max_removal_share=meta.guards.max_removal_share,
            max_change_share=meta.guards.max_change_share,
            max_attempts=meta.limits.max_attempts,
            shared_list=meta.shared_list,
        )


def _mapped(meta: SyncMeta) -> tuple[MappedField, ...]:
    return tuple(
        MappedField(name, given)
        if isinstance(given, str)
        else MappedField(name, given.column, given.nulls == "overwrite")
        for name, given in (meta.mapping or {}).items()
    )


def _about_columns(meta: SyncMeta, terms: AudienceTerms) -> Iterator[str]:
    """Columns that the audience does not have."""
    accepted = ", ".join(name for name in terms.columns if name != "payload_hash")
    if meta.identifier and meta.identifier not in terms.columns:
        yield f"`identifier` is {meta.identifier!r}; columns of the audience: {accepted}"
    for field in _mapped(meta):
        if field.column not in terms.columns:
            yield (
                f"`mapping.{field.name}` names the column {field.column!r}; columns of the "
                f"audience: {accepted}"
            )


def _terms(node: Mapping[str, Any]) -> AudienceTerms | None:
    """What the macro audience() notes of the model that it makes."""
    noted = _meta(node).get("audience")
    if noted is None:
        return None
    return AudienceTerms(
        relation=Relation(node["schema"], node.get("alias") or node["name"]),
        description=node.get("description", ""),
        columns={name: column["data_type"] for name, column in node.get("columns", {}).items()},
        segment_id=noted["segment_id"],
        channel=noted["channel"],
        identifier=noted["identifier"],
        entity=noted.get("entity", "customer"),
        rank_column=noted.get("rank_column"),
    )


def _audiences(exposure: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    nodes = manifest.get("nodes", {})
    depends_on = (exposure.get("depends_on") or {}).get("nodes", [])
    return [
        {**nodes[unique_id], "unique_id": unique_id}
        for unique_id in depends_on
        if nodes.get(unique_id, {}).get("name", "").startswith("audience_")
    ]
