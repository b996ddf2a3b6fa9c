"""The parsed project, as Dagster's assets know it: keys, groups, files, lineage of columns."""

import csv
import json
import os
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject

from expectations.profiles import LINEAGE
from orchestration.catalogue import Entry, read_entries
from orchestration.dbt import Dbt
from orchestration.project import PROJECT_DIR, TARGET_DIR, last_edited, parse_sources


def load_project() -> tuple[dict[str, Any], list[Entry]]:
    """dbt's manifest and the segments, read back while no file of the project is newer.

    Parsing takes seconds and every process that loads these definitions needs the result.
    Nothing of the warehouse is needed.
    """
    kept = TARGET_DIR / "dagster" / "project.json"
    if not kept.exists() or kept.stat().st_mtime < last_edited():
        parsed = {
            "manifest": Dbt(None, {"strata_sources": parse_sources(None)}).manifest_dict(),
            "segments": [asdict(entry) for entry in read_entries()],
        }
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(parsed, default=str))
        unfinished.replace(kept)
    found = json.loads(kept.read_text())
    return found["manifest"], [Entry(**entry) for entry in found["segments"]]


def code_reference(path: str | Path, line: int | None = None) -> Mapping[str, Any]:
    """Metadata that opens a file of the project from the UI."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # says so for each of hundreds of assets
        sources: list[Any] = [
            dg.LocalFileCodeReference(
                file_path=str(PROJECT_DIR / path), line_number=line, label=str(path)
            )
        ]
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=sources)}


@cache
def _column_origins() -> Mapping[str, Mapping[str, list[tuple[str, str]]]]:
    """Of each 360, as `customer` or `account`, and column: relation and column it is made from."""
    origins: dict[str, dict[str, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
    with LINEAGE.open(newline="") as lines:
        for line in csv.DictReader(lines):
            for made in line["columns_of_360s"].split():
                entity, _, column = made.partition(".")
                relation = line["interface"]
                if line["column"] != "*" and relation != f"customer_360.{entity}_360":
                    origins[entity][column].append((relation, line["column"]))
    return origins


class Translator(DagsterDbtTranslator):
    """Groups assets by the folder their model, or their system's source, is in."""

    def __init__(self) -> None:
        super().__init__()
        self._specs: dict[str, dg.AssetSpec] = {}

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The first folder below models/ or seeds/."""
        return str(dbt_resource_props["fqn"][1])

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        """dbt's tags, and which tables have a contract or keep what no refresh builds again."""
        config = dbt_resource_props.get("config") or {}
        tags = dict(super().get_tags(dbt_resource_props))
        if (config.get("contract") or {}).get("enforced"):
            tags["strata/contract"] = "enforced"
        if config.get("materialized") == "state_table" or config.get("full_refresh") is False:
            tags["strata/rows"] = "kept_over_runs"
        return tags

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """The node as an asset, with its file and, for a 360, where its columns come from.

        The history as earlier runs left it is an input of this run's verdicts, and this run
        writes the same table after them: shown as a dependency it would be a cycle.
        """
        if unique_id not in self._specs:  # asked a thousand times of a few hundred nodes
            self._specs[unique_id] = self._spec(manifest, unique_id, project)
        return self._specs[unique_id]

    def _spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        keys = [_raw_table(dep.asset_key) for dep in spec.deps]
        deps = [dg.AssetDep(key) for key in dict.fromkeys(keys) if key.path[0] != "published"]
        props = self.get_resource_props(manifest, unique_id)
        metadata = {**spec.metadata, **code_reference(props["original_file_path"])}
        if props["name"] in ("customer_360", "account_360"):
            metadata["dagster/column_lineage"] = _lineage_of_360(props["name"])
        return spec.replace_attributes(deps=deps, metadata=metadata)


def _raw_table(key: dg.AssetKey) -> dg.AssetKey:
    """Of a seed of the demo, such as `raw_stripe/stripe__plan`, the raw table it stands for."""
    schema, name = key.path[0], key.path[-1]
    system = schema.removeprefix("raw_")
    return key if schema == system else dg.AssetKey([system, name.removeprefix(f"{system}__")])


def _lineage_of_360(name: str) -> dg.TableColumnLineage:
    origins = _column_origins()[name.removesuffix("_360")]
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(asset_key=dg.AssetKey(relation.split(".")), column_name=origin)
                for relation, origin in found
            ]
            for column, found in origins.items()
        }
    )


MANIFEST, SEGMENTS = load_project()
TRANSLATOR = Translator()


def node(unique_id: str) -> Mapping[str, Any]:
    """A model, seed or test of the manifest."""
    return dict(MANIFEST["nodes"][unique_id])


def names_of(keys: Iterable[dg.AssetKey]) -> list[str]:
    """The names of the models and seeds behind some assets, in order."""
    wanted = set(keys)
    return sorted(
        props["name"]
        for props in MANIFEST["nodes"].values()
        if props["resource_type"] in ("model", "seed") and TRANSLATOR.get_asset_key(props) in wanted
    )
