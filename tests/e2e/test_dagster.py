"""The Dagster job, run the way its schedule runs it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from e2e.ui import Browser, opened
from project import Project
from warm import run_module

from orchestration.demo_receiver import DemoReceiver


def run_job(project: Project, tick: str, *selected: str) -> dict[str, Any]:
    """A run of the job at a tick; of its selected assets, if there are any."""
    home = project.folder / "home"
    if not home.exists():
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
    done = run_module(
        "e2e.dagster_job",
        [tick, *selected],
        project.folder,
        project.environment | {"DAGSTER_HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome | {"log": done.stderr}


@pytest.fixture(scope="module")
def refreshed(
    demo: Project, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Project, dict[str, Any], DemoReceiver]:
    project = demo.copy(tmp_path_factory.mktemp("dagster") / "run")
    with DemoReceiver() as receiver:
        project.settings = {
            "STRATA_PLAYBOOK_URL": receiver.url,
            "STRATA_PLAYBOOK_SECRET": receiver.secret,
        }
        outcome = run_job(project, "2026-07-01T06:00:00+00:00")
    return project, outcome, receiver


def test_the_tick_is_the_instant_of_everything(
    refreshed: tuple[Project, dict[str, Any], DemoReceiver],
) -> None:
    project, outcome, _ = refreshed
    assert outcome["succeeded"], outcome["log"][-3000:]
    instants = project.rows(
        "select distinct as_of from segments.segment_verdicts where run_id = :run_id "
        "union select distinct as_of from operations.expectation_results where run_id = :run_id "
        "union select distinct as_of from operations.sync_runs where run_id = :run_id",
        run_id=outcome["run_id"],
    )
    assert [str(instant) for (instant,) in instants] == ["2026-07-01 06:00:00"]


def test_steps_come_in_order_and_models_and_tests_are_shown(
    refreshed: tuple[Project, dict[str, Any], DemoReceiver],
) -> None:
    _, outcome, _ = refreshed
    order = [
        outcome["materialised"].index(name)
        for name in (
            "segments/segment_candidates",
            "operations/expectation_results",
            "segments/segment_verdicts",
            "activation/audience_champions",
            "destinations/sync_champions_file",
        )
    ]
    assert order == sorted(order)
    assert outcome["checks"] > 50
    pages = outcome["pages"]
    assert {"identity", "customer_360", "drift", "segment__champions"} <= set(pages)
    for name, page in pages.items():
        assert Path(page).name == f"{name}.html"
        assert Path(page).is_file(), page
    assert outcome["steps"][:4] == ["freshness", "write", "audit", "publish"]
    assert outcome["steps"][4:7] == ["activate", "analytics", "report"]


def test_a_segment_is_an_asset_with_its_numbers_and_a_held_one_says_why(
    refreshed: tuple[Project, dict[str, Any], DemoReceiver],
) -> None:
    project, outcome, _ = refreshed
    verdicts = project.rows(
        "select segment_id, verdict, reasons, published_count, entered_count, left_count "
        "from segments.segment_verdicts where run_id = :run_id",
        run_id=outcome["run_id"],
    )
    published = {row[0]: row for row in verdicts if row[1] == "publish"}
    held = {row[0]: row[2] for row in verdicts if row[1] == "hold"}
    assert len(published) > 40
    assert len(held) > 20, "no event has landed for six hours"
    assert outcome["segments"].keys() == published.keys()
    for segment, found in outcome["segments"].items():
        assert [found[name] for name in ("size", "entered", "left")] == list(published[segment][3:])
        assert found["seconds"] > 0
    assert outcome["failed_checks"] == {
        f"published/{segment}:published": reasons for segment, reasons in held.items()
    }
    assert outcome["segments"]["champions"]["share of MRR"] == share_of_mrr(project, "champions")


def share_of_mrr(project: Project, segment: str) -> float:
    [(mrr, everybody)] = project.rows(
        "select sum(case when m.entity_id is not null then c.mrr end), sum(c.mrr) "
        "from customer_360.customer_360 as c left join segments.segment_membership as m "
        "on c.customer_id = m.entity_id and m.segment_id = :segment",
        segment=segment,
    )
    return round(float(mrr / everybody), 4)


def test_what_a_run_took_is_kept(
    refreshed: tuple[Project, dict[str, Any], DemoReceiver],
) -> None:
    project, outcome, _ = refreshed
    of_run = {"run_id": outcome["run_id"]}
    assert project.rows(
        "select state, step from operations.runs where run_id = :run_id", **of_run
    ) == [("succeeded", "report")]
    steps = dict(
        project.rows(
            "select step, seconds from operations.run_steps where run_id = :run_id", **of_run
        )
    )
    assert steps.keys() == {"freshness", "write", "audit", "publish", "analytics", "activate"}
    [(seconds,)] = project.rows(
        "select sum(seconds) from operations.run_nodes where run_id = :run_id "
        "and node_name in (select table_name from information_schema.tables "
        "where table_schema = 'segments')",
        **of_run,
    )
    [(shared, measured)] = project.rows(
        "select sum(model_seconds), min(audit_seconds) from operations.segment_costs "
        "where run_id = :run_id",
        **of_run,
    )
    assert float(shared) == pytest.approx(float(seconds), abs=0.01)
    assert measured > 0
    [expires_at] = project.rows(
        "select expires_at <= current_timestamp from operations.leases where lease_name = 'refresh'"
    )
    assert expires_at == (True,)


def test_only_what_changed_is_delivered(
    refreshed: tuple[Project, dict[str, Any], DemoReceiver],
) -> None:
    project, outcome, _ = refreshed
    rows = project.rows(
        "select sync_name, state, unchanged from operations.sync_runs where run_id = :run_id",
        run_id=outcome["run_id"],
    )
    assert {state for _, state, _ in rows} == {"succeeded"}
    # One newcomer at the top of a call list moves everybody below.
    unranked = [(name, unchanged) for name, _, unchanged in rows if "_call_" not in name]
    assert len(unranked) == 3
    assert all(unchanged > 0 for _, unchanged in unranked)


@pytest.fixture(scope="module")
def failed(refreshed: tuple[Project, dict[str, Any], DemoReceiver]) -> dict[str, Any]:
    """A run of two syncs, where the webhook of one is not set up."""
    project = replace(refreshed[0], settings={})
    syncs = ("destinations/sync_at_risk_paying_webhook", "destinations/sync_champions_file")
    return run_job(project, "2026-07-01T06:00:00+00:00", *syncs)


def test_a_webhook_that_is_not_set_up_fails_its_own_step_in_words(failed: dict[str, Any]) -> None:
    assert failed["failed_steps"] == ["destinations__sync_at_risk_paying_webhook"]
    assert failed["materialised"] == ["destinations/sync_champions_file"]
    assert "STRATA_PLAYBOOK_URL" in failed["log"]


@pytest.fixture(scope="module")
def ui(
    refreshed: tuple[Project, dict[str, Any], DemoReceiver],
    failed: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Browser]:
    """Dagster's UI after both runs."""
    assert failed
    project = refreshed[0]
    with opened(project, project.folder / "home", tmp_path_factory.mktemp("ui")) as browser:
        yield browser


def test_the_graph_leads_from_raw_tables_to_destinations(ui: Browser) -> None:
    graph = "svg"
    ui.open("/asset-groups")
    ui.shows(
        "raw_stripe", "staging", "customer_360", "audit", "segments", "published", "activation",
        "destinations", within=graph,
    )  # fmt: skip
    ui.open("/assets/published/champions?view=lineage")
    ui.shows("segment_membership", "champions", "members", within=graph)
    ui.open("/assets/destinations/sync_champions_file?view=lineage")
    ui.shows("audience_champions", "sync_champions_file", "Materialized", within=graph)


def test_the_history_of_a_segment_is_what_the_warehouse_says(
    ui: Browser, refreshed: tuple[Project, dict[str, Any], DemoReceiver]
) -> None:
    project, outcome, _ = refreshed
    [(label, owner, *counts)] = project.rows(
        "select r.label, r.owner, v.published_count, v.entered_count, v.left_count "
        "from segments.segment_verdicts as v inner join segments.segment_registry as r "
        "on v.segment_id = r.segment_id where v.run_id = :run_id and v.segment_id = 'champions'",
        run_id=outcome["run_id"],
    )
    ui.open("/assets/published/champions")
    ui.shows(label, owner, "share of MRR", "delivered by sync_champions_file")
    told = ui.rows()
    assert [told[name] for name in ("size", "entered", "left")] == [str(count) for count in counts]
    assert float(told["share of MRR"]) == share_of_mrr(project, "champions")
    ui.click("Plots")
    ui.shows("size", "entered", "left", "share of MRR")
    ui.open("/assets/published/champions?view=events")
    ui.shows(f"Materialized in run {outcome['run_id'][:8]}")


def test_a_held_segment_shows_its_failed_check_and_the_reasons(
    ui: Browser, refreshed: tuple[Project, dict[str, Any], DemoReceiver]
) -> None:
    project, outcome, _ = refreshed
    [(segment, reasons)] = project.rows(
        "select segment_id, reasons from segments.segment_verdicts where run_id = :run_id "
        "and verdict = 'hold' order by length(reasons) desc, segment_id limit 1",
        run_id=outcome["run_id"],
    )
    ui.open(f"/assets/published/{segment}?view=checks")
    ui.shows("Evaluation result", "Failed", reasons)


def test_a_failed_run_says_which_setting_is_missing(ui: Browser, failed: dict[str, Any]) -> None:
    ui.open(f"/runs/{failed['run_id']}")
    ui.shows(
        "Failure",
        "Steps failed: ['destinations__sync_at_risk_paying_webhook']",
        "environment variable STRATA_PLAYBOOK_URL is not set",
    )


def test_pages_ask_no_other_machine(ui: Browser) -> None:
    ui.open("/locations")
    ui.shows("orchestration.definitions", "Loaded")
    assert ui.hosts() == {"127.0.0.1"}


BUILT = {
    "reference", "staging", "identity", "features", "customer_360", "segments", "published",
    "analytics", "activation",
}  # fmt: skip


@pytest.fixture(scope="module")
def definitions(demo: Project) -> dict[str, Any]:
    """What there is, where there is no warehouse and none could be made."""
    nowhere = demo.folder / "nowhere" / "strata.duckdb"
    looking = """
import json
from graphlib import TopologicalSorter
import dagster
from orchestration.definitions import defs
dagster.Definitions.validate_loadable(defs)
graph = defs.resolve_asset_graph()
parents = {key: graph.get(key).parent_keys for key in graph.get_all_asset_keys()}
order = [key.to_user_string() for key in TopologicalSorter(parents).static_order()]
sensors = [sensor.name for sensor in defs.sensors]
steps = list(defs.resolve_job_def("refresh").graph.node_dict)
about = {
    spec.key.to_user_string(): [
        *spec.owners, spec.group_name,
        *(f"{name}={value}" for name, value in spec.tags.items() if name.startswith("strata/")),
        spec.metadata["dagster/code_references"].code_references[0].label,
    ]
    for asset in defs.assets for spec in asset.specs if spec.owners
    and "dagster/code_references" in spec.metadata
}
print(json.dumps({"assets": order, "sensors": sensors, "steps": steps, "about": about}))
"""
    done = subprocess.run(
        [sys.executable, "-c", looking],
        env=demo.environment | {"STRATA_DUCKDB_PATH": str(nowhere)},
        cwd=demo.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_assets_form_no_cycle_and_end_at_the_destinations(
    definitions: dict[str, Any],
) -> None:
    order = definitions["assets"]
    assert {"destinations/sync_champions_file", "customer_360/customer_360"} <= set(order)


def test_assets_have_owners_tags_and_their_file(definitions: dict[str, Any]) -> None:
    about = definitions["about"]
    assert about["customer_360/customer_360"] == [
        "team:data", "customer_360", "strata/contract=enforced",
        "models/customer_360/customer_360.sql",
    ]  # fmt: skip
    assert about["segments/segment_membership_history"] == [
        "team:data", "segments", "strata/contract=enforced", "strata/rows=kept_over_runs",
        "models/segments/segment_membership_history.sql",
    ]  # fmt: skip
    assert about["published/champions"] == [
        "growth@tallyworks.example", "published", "strata/type=value", "strata/entity=customer",
        "macros/segments/value/champions.sql",
    ]  # fmt: skip
    built = [one for one in definitions["assets"] if one.split("/")[0] in BUILT]
    assert len(built) > 150
    assert [one for one in built if one not in about] == []


def test_sensors_tell_what_is_wrong(definitions: dict[str, Any]) -> None:
    assert definitions["sensors"] == [
        "edited_segments", "new_rows", "alerts", "alert_on_failure", "alert_on_recovery",
    ]  # fmt: skip


def test_each_step_of_the_job_runs_once(definitions: dict[str, Any]) -> None:
    """Dagster splits a step in two when it reads what comes after it."""
    steps = {one for one in definitions["steps"] if not one.startswith("destinations__")}
    assert steps == {
        "freshness", "write", "audit", "publish", "analytics", "activate", "report"
    }  # fmt: skip
