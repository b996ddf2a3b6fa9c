"""`strata alerts` on the demo company: nothing is wrong, until a destination is not set up."""

from dataclasses import replace
from pathlib import Path

import pytest
from alerts_kit import SECRET_VARIABLE, URL_VARIABLE, AlertReceiver
from project import PROJECT_DIR, Project, edited_sources

SYNC = "sync_at_risk_paying_webhook"


@pytest.fixture(scope="module")
def broken(demo: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The demo after a sync that had no address."""
    project = demo.copy(tmp_path_factory.mktemp("alerts") / "broken")
    done = project.strata("sync", SYNC)
    assert done.returncode == 2, done.stdout + done.stderr
    return project


def test_of_a_warehouse_of_which_all_is_well_nothing_is_told(demo: Project) -> None:
    done = demo.strata("alerts")
    assert (done.returncode, done.stdout) == (0, "No alert is open.\n"), done.stderr


def test_what_is_wrong_is_shown_with_what_it_affects(broken: Project) -> None:
    done = replace(broken, settings={"COLUMNS": "400"}).strata("alerts")
    assert done.returncode == 8, done.stdout + done.stderr
    assert "1 alert of severity error is open." in done.stderr
    shown = " ".join(done.stdout.split())
    assert f"The sync {SYNC} failed" in shown
    assert "STRATA_PLAYBOOK_URL" in shown
    assert f"audience_at_risk_paying → webhook ({SYNC})" in shown
    assert f"strata sync {SYNC}" in shown


def test_without_a_channel_send_says_where_one_is_set(broken: Project) -> None:
    done = broken.strata("alerts", "--send")
    assert done.returncode == 2
    assert "`alerts` in dbt_project.yml has none of webhook, slack, email" in done.stderr


def test_a_channel_of_the_project_is_told_once_and_of_the_recovery(
    broken: Project, tmp_path: Path
) -> None:
    text = (PROJECT_DIR / "dbt_project.yml").read_text()
    channel = f"webhook: {{url: 'env:{URL_VARIABLE}', secret_env: {SECRET_VARIABLE}}}"
    edited = text.replace("  alerts: {", f"  alerts: {{{channel}, ")
    project = broken.copy(tmp_path / "told")
    project.sources = edited_sources(tmp_path / "sources", {"dbt_project.yml": edited})
    with AlertReceiver() as receiver:
        project.settings = {URL_VARIABLE: receiver.url, SECRET_VARIABLE: receiver.secret}
        for _ in range(2):
            done = project.strata("alerts", "--send")
            assert done.returncode == 8, done.stdout + done.stderr
        project.execute("update operations.sync_runs set state = 'succeeded'")
        done = project.strata("alerts", "--send")
        assert (done.returncode, done.stderr) == (0, "webhook: told of 1 alert\n"), done.stdout
    [opened], [resolved] = receiver.told
    assert (opened["event"], opened["key"]) == ("opened", f"failed_sync:{SYNC}")
    assert opened["affects"] == f"audience_at_risk_paying → webhook ({SYNC})"
    assert (resolved["event"], resolved["key"]) == ("resolved", f"failed_sync:{SYNC}")
    assert (
        project.value("select count(*) from operations.alerts where recovery_told_at > since") == 1
    )
