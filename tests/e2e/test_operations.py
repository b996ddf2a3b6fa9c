"""An installation that works, as `strata doctor` and a collector of logs see it."""

import json
from dataclasses import replace
from pathlib import Path

from activation_kit import SECRET
from project import Project


def test_after_the_demo_only_the_webhooks_secrets_are_missing(
    demo: Project, tmp_path: Path
) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    looked = replace(demo, settings={"DAGSTER_HOME": str(tmp_path), "STRATA_PLAYBOOK_SECRET": ""})
    before = demo.duckdb.read_bytes()
    done = looked.strata("doctor", "--json")
    said = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    failed = [check for check, one in said.items() if one["status"] == "failed"]
    assert done.returncode == 1
    assert failed == ["credentials sync_at_risk_paying_webhook", "credentials sync_playbook_events"]
    assert [check for check, one in said.items() if one["status"] == "warning"] == []
    assert "succeeded" in said["last run"]["found"]
    assert {"sources hubspot", "sources stripe", "sources segment"} <= set(said)
    secrets = {
        "STRATA_PLAYBOOK_SECRET": SECRET, "STRATA_PLAYBOOK_URL": "http://127.0.0.1:9/hidden",
    }  # fmt: skip
    done = replace(looked, settings={**looked.settings, **secrets}).strata("doctor")
    assert done.returncode == 0, done.stdout
    assert "0 warnings, 0 failed" in done.stdout
    assert "hidden" not in done.stdout
    assert demo.duckdb.read_bytes() == before


def test_a_sync_writes_json_lines_beside_its_answer(demo: Project, tmp_path: Path) -> None:
    project = demo.copy(tmp_path / "run")
    project.settings = {"STRATA_LOG_FORMAT": "json"}
    done = project.strata("sync", "champions_file")
    assert done.returncode == 0, done.stderr
    assert "sync_champions_file" in done.stdout
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["sync started", "sync ended"]
    assert lines[1]["unchanged"] + lines[1]["added"] > 0
    assert lines[0]["run_id"] == project.value(
        "select run_id from segments.segment_verdicts "
        "order by as_of desc, run_started_at desc, run_id limit 1"
    )


def test_an_upgrade_keeps_what_cannot_be_rebuilt(demo: Project, tmp_path: Path) -> None:
    """The state tables as version 0.1.0 of the project first made them, then a refresh of today."""
    project = demo.copy(tmp_path / "upgraded")
    project.execute(
        [
            "alter table activation.sync_ledger drop column audience_hash",
            "alter table activation.sync_plan drop column audience_hash",
            "alter table activation.sync_ledger drop column fields_hash",
            "alter table operations.runs drop column step",
            *(f"drop table operations.{one}" for one in ("run_steps", "leases", "alerts")),
            "drop view operations.segment_costs",
            "drop table operations.run_nodes",
        ]
    )
    kept = {
        "activation.sync_ledger": "sync_name, entity_key, state, acknowledged_hash",
        "operations.runs": "run_id, state, started_at",
        "operations.sync_runs": "sync_run_id, state",
        "segments.segment_membership_history": "stay_id, valid_from",
    }
    before = {
        table: project.rows(f"select {columns} from {table} order by all")
        for table, columns in kept.items()
    }
    before_upgrade = project.strata("sync", "champions_file")
    assert before_upgrade.returncode == 1
    assert "run `strata refresh` first" in before_upgrade.stderr
    done = project.strata("refresh")
    assert done.returncode == 0, done.stderr
    for table, columns in kept.items():
        now = project.rows(f"select {columns} from {table} order by all")
        assert set(before[table]) <= set(now), table
    assert project.rows("select distinct step from operations.run_steps order by 1") == [
        ("audit",), ("publish",), ("write",),
    ]  # fmt: skip
    assert project.strata("sync", "champions_file").returncode == 0
    assert project.strata("alerts").returncode == 0
