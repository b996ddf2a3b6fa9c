"""A refresh or sync that is killed and started again ends where an undisturbed one does."""

from pathlib import Path

import pytest
from project import Project

from orchestration.demo_receiver import DemoReceiver

NEXT = "2026-07-08T00:00:00Z"

PUBLISHED = {
    "history": """
        select stay_id, valid_from, valid_to, entry_reason, exit_reason, definition_version
        from segments.segment_membership_history order by stay_id
    """,
    "membership": "select segment_id, entity_id, entered_at from segments.segment_membership "
    "order by 1, 2",
    "changes": "select * from segments.segment_changes order by 1, 3, 5, 4",
    "audience": "select * from activation.audience_at_risk_paying order by entity_key",
}
LEDGER = (
    "select sync_name, entity_key, payload_hash, state from activation.sync_ledger order by 1, 2"
)


def published(project: Project) -> dict[str, list[tuple[object, ...]]]:
    return {name: project.rows(query) for name, query in PUBLISHED.items()}


@pytest.fixture(scope="module")
def undisturbed(demo: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The demo, refreshed a week later: many enter and leave."""
    project = demo.copy(tmp_path_factory.mktemp("undisturbed") / "run")
    done = project.strata("refresh", "--as-of", NEXT)
    assert done.returncode == 0, done.stderr
    return project


def test_refreshes_killed_one_after_the_other_are_healed_by_the_next(
    demo: Project, undisturbed: Project, tmp_path: Path
) -> None:
    """The line of a step is printed when it is done, so a kill falls into the one after it: while
    auditing, then early and then late in publishing."""
    before, after = published(demo), published(undisturbed)
    project = demo.copy(tmp_path / "run")
    for when, seconds in (("writing candidates", 0.5), ("auditing", 0.6), ("auditing", 1.3)):
        project.strata_killed("refresh", "--as-of", NEXT, when=f"✓ {when}", after_seconds=seconds)
        cut_off = published(project)
        # Each published relation is the old one or the new one, never something between.
        for name in PUBLISHED:
            assert cut_off[name] in (before[name], after[name]), (name, when, seconds)
    assert project.strata("refresh", "--as-of", NEXT).returncode == 0
    assert published(project) == after


def test_a_killed_sync_is_finished_by_the_next(undisturbed: Project, tmp_path: Path) -> None:
    project = undisturbed.copy(tmp_path / "run")
    project.execute("delete from activation.sync_ledger")
    with DemoReceiver() as receiver:
        project.settings = {
            "STRATA_PLAYBOOK_URL": receiver.url,
            "STRATA_PLAYBOOK_SECRET": receiver.secret,
        }
        name = "sync_at_risk_paying_webhook"
        project.strata_killed("sync", name, when="10 of", after_seconds=0.0)
        held = len(receiver.members)
        assert project.strata("sync", name).returncode == 0
        audience = dict(
            project.rows("select entity_key, email from activation.audience_at_risk_paying")
        )
        assert 0 < held < len(audience)
        assert {key: row["email"] for key, row in receiver.members.items()} == audience
        assert len(receiver.keys_seen) == len(audience)
    states = project.rows("select state, count(*) from activation.sync_ledger group by state")
    assert states == [("delivered", len(audience))]
