"""The parsed project, as Dagster's assets know it: keys, groups, files, lineage of columns."""

import csv
import json
import os
import re
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
from orchestration.refresh import SELECTIONS
from orchestration.warehouse import target_name

READ = ("metadata", "nodes", "sources", "exposures", "child_map", "parent_map")
"""The parts of dbt's manifest that assets are made from: two thirds of its text."""


def load_project() -> dict[str, Any]:
    """dbt's `manifest`, the unique ids of dbt's `steps`, the `segments` and the `target`.

    They are read back while no file of the project is newer: parsing takes seconds, dbt's
    selectors and its reader of profiles half a second, and every process that loads these
    definitions needs the result. Nothing of the warehouse is needed.
    """
    made_for = json.loads(json.dumps([SELECTIONS, _environment_of_target()]))
    kept = TARGET_DIR / "dagster" / "project.json"
    found: dict[str, Any] = {}
    if kept.exists() and kept.stat().st_mtime >= last_edited():
        found = json.loads(kept.read_text())
    if found.get("made_for") != made_for:
        dbt = Dbt(None, {"strata_sources": parse_sources(None)})
        manifest = dbt.manifest_dict()
        parsed = {
            "made_for": made_for,
            "manifest": {part: manifest[part] for part in READ},
            "steps": {name: dbt.listed(*selection) for name, selection in SELECTIONS.items()},
            "segments": [asdict(entry) for entry in read_entries()],
            "target": target_name(None),
        }
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(parsed, default=str))
        unfinished.replace(kept)
        found = json.loads(kept.read_text())
    return found


def _environment_of_target() -> dict[str, str | None]:
    """What the name of the target is read from, beside profiles.yml: no secret is."""
    profiles = PROJECT_DIR / "profiles.yml"
    lines = (
        re.findall(r"^ *target:.*", profiles.read_text(), re.MULTILINE) if profiles.exists() else []
    )
    names = re.findall(r"env_var\(\s*['\"](\w+)", " ".join(lines))
    return {name: os.environ.get(name) for name in names}


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


_PROJECT = load_project()
MANIFEST: Mapping[str, Any] = _PROJECT["manifest"]
STEPS: Mapping[str, list[str]] = _PROJECT["steps"]
SEGMENTS = [Entry(**one) for one in _PROJECT["segments"]]
TARGET: str = _PROJECT["target"]
"""The name of the default target."""
TRANSLATOR = Translator()


def specs_of(step: str) -> tuple[list[dg.AssetSpec], list[dg.AssetCheckSpec]]:
    """The models and seeds of one of dbt's steps as assets, and their tests as checks."""
    wanted = set(STEPS[step])
    specs: list[dg.AssetSpec] = []
    checks: dict[dg.AssetCheckKey, dg.AssetCheckSpec] = {}
    for unique_id in STEPS[step]:
        if node(unique_id)["resource_type"] not in ("model", "seed"):
            continue
        spec = TRANSLATOR.get_asset_spec(MANIFEST, unique_id, None)
        specs.append(spec)
        for child in MANIFEST["child_map"][unique_id]:
            if child in wanted and child.startswith("test."):
                check = TRANSLATOR.get_asset_check_spec(spec, MANIFEST, child, None)
                if check:
                    checks[check.key] = check
    return specs, list(checks.values())


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
