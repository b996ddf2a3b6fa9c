"""Reads the syncs of a dbt project from its manifest: a sync is an exposure.

An exposure is taken for a sync when its name starts with `sync_` or its meta names a
destination; other exposures, dashboards for example, are left alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from expectations.suites import AudienceTerms, Relation
from orchestration.destinations.base import Settings, problems
from orchestration.destinations.registry import DESTINATIONS
from orchestration.errors import UsageError


class SyncMeta(BaseModel):
    """What an exposure's meta may say. The defaults suit a few thousand to a few million rows."""

    model_config = ConfigDict(extra="forbid", strict=True)

    destination: str
    mode: Literal["mirror"]
    settings: dict[str, Any]
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 500
    max_removal_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 8


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
    terms: AudienceTerms | None = None
    """What the audience promises, which is audited before anything is sent."""
    batch_size: int = 500
    """Rows per claim and per request."""
    max_removal_share: float = 0.5
    """Largest share of what the destination holds that one run may remove, 0 to 1."""
    max_attempts: int = 8
    """Rejections of one change after which it is parked."""

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
    if wrong:
        raise UsageError("\n".join(sorted(wrong)))
    return sorted(syncs, key=lambda sync: sync.name)


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

    if meta and settings and terms and owner.get("email"):
        yield Sync(
            name=exposure["name"],
            owner_name=owner.get("name") or owner["email"],
            owner_email=owner["email"],
            audience_node=audiences[0]["unique_id"],
            audience_schema=terms.relation.schema,
            audience_table=terms.relation.table,
            terms=terms,
            destination=meta.destination,
            mode=meta.mode,
            settings=settings,
            batch_size=meta.batch_size,
            max_removal_share=meta.max_removal_share,
            max_attempts=meta.max_attempts,
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
        **noted,
    )


def _audiences(exposure: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    nodes = manifest.get("nodes", {})
    depends_on = (exposure.get("depends_on") or {}).get("nodes", [])
    return [
        {**nodes[unique_id], "unique_id": unique_id}
        for unique_id in depends_on
        if nodes.get(unique_id, {}).get("name", "").startswith("audience_")
    ]
