"""The demo company from raw tables to delivered audiences, looked at from outside."""

import csv
import gzip
import json
import re
from pathlib import Path

import pytest
from project import PROJECT_DIR, Project, edited_sources

LAST = "2026-07-01 00:00:00"
TRUTH = PROJECT_DIR / "tests" / "data_files" / "demo_truth.csv.gz"

CURRENT = "select segment_id, entity_id, entered_at from segments.segment_membership order by 1, 2"
HISTORY = """
    select segment_id, entity_id, valid_from, valid_to, entry_reason, exit_reason
    from segments.segment_membership_history order by 1, 2, 3
"""


@pytest.fixture(scope="module")
def truth() -> list[dict[str, str]]:
    with gzip.open(TRUTH, "rt", newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_segment_is_published_with_members(demo: Project) -> None:
    segments = {path.stem for path in (PROJECT_DIR / "macros" / "segments").glob("*/*.sql")}
    assert len(segments) >= 45
    published = demo.rows(
        "select segment_id from segments.segment_verdicts "
        f"where verdict = 'publish' and is_audited and as_of = timestamp '{LAST}'"
    )
    assert {name for (name,) in published} == segments
    members = demo.rows("select distinct segment_id from segments.segment_membership")
    assert {name for (name,) in members} == segments


def test_every_segment_leaves_somebody_out_and_is_no_other(demo: Project) -> None:
    everybody = demo.rows(
        "select segment_id from segments.segment_verdicts where member_count >= entity_count"
    )
    assert everybody == []
    nearly_the_same = demo.rows(
        """
        with members as (select * from segments.segment_membership),
        sizes as (select segment_id, count(*) as size from members group by segment_id)
        select one.segment_id, other.segment_id, count(*) as shared
        from members as one
        inner join members as other
            on one.entity = other.entity and one.entity_id = other.entity_id
            and one.segment_id < other.segment_id
        inner join sizes as size_one on one.segment_id = size_one.segment_id
        inner join sizes as size_other on other.segment_id = size_other.segment_id
        group by one.segment_id, other.segment_id, size_one.size, size_other.size
        having count(*) > 0.8 * (size_one.size + size_other.size - count(*))
        """
    )
    assert nearly_the_same == []


def test_every_segment_has_examples_on_both_sides_and_they_hold(demo: Project) -> None:
    examples = demo.rows("select segment_id, expected, actual from segments.segment_examples")
    assert [segment for segment, expected, actual in examples if expected != actual] == []
    segments = {name for (name,) in demo.rows("select segment_id from segments.segment_registry")}
    for expected in (True, False):
        assert segments == {name for name, is_member, _ in examples if is_member is expected}


@pytest.mark.parametrize(
    "group",
    [
        ("low_mrr", "mid_mrr", "high_mrr"),
        ("nps_promoters", "nps_passives", "nps_detractors"),
        ("champions", "loyal_buyers", "potential_loyalists", "rfm_at_risk", "lost_buyers"),
        ("small_businesses", "mid_market_accounts", "enterprise_accounts"),
        ("cold_weather_regions", "warm_weather_regions"),
        ("qualified_leads", "newly_signed_up"),
    ],
)
def test_segments_that_exclude_each_other_share_nobody(
    demo: Project, group: tuple[str, ...]
) -> None:
    members = [
        entity
        for name, entity in demo.rows(
            "select segment_id, entity_id from segments.segment_membership"
        )
        if name in group
    ]
    assert len(members) == len(set(members)) > 0


def test_consecutive_refreshes_leave_entries_and_exits(demo: Project) -> None:
    changes = dict(
        demo.rows("select change, count(*) from segments.segment_changes group by change")
    )
    assert changes["entered"] > changes["exited"] > 20
    instants = demo.value("select count(distinct as_of) from segments.segment_verdicts")
    assert instants == 3


def test_current_members_are_the_candidates_of_the_last_run(demo: Project) -> None:
    difference = demo.rows(
        """
        (select segment_id, entity_id from segments.segment_membership
            except select segment_id, entity_id from segments.segment_candidates)
        union all
        (select segment_id, entity_id from segments.segment_candidates
            except select segment_id, entity_id from segments.segment_membership)
        """
    )
    assert difference == []


def test_changes_replayed_from_the_beginning_give_the_current_members(demo: Project) -> None:
    replayed: set[tuple[str, str]] = set()
    for segment, entity, change in demo.rows(
        "select segment_id, entity_id, change from segments.segment_changes "
        "order by changed_at, change desc"
    ):
        if change == "entered":
            assert (segment, entity) not in replayed
            replayed.add((segment, entity))
        else:
            replayed.remove((segment, entity))
    assert replayed == {(segment, entity) for segment, entity, _ in demo.rows(CURRENT)}


def test_people_are_resolved_as_they_truly_are(demo: Project, truth: list[dict[str, str]]) -> None:
    """Every id of a true person leads to one customer, and no customer is two people."""
    customer = {
        (kind, value): customer_id
        for kind, value, customer_id in demo.rows(
            "select identifier_type, identifier_value, customer_id "
            "from identity.customer_identifiers where identifier_type <> 'anonymous_id'"
        )
    }
    owner: dict[str, str] = {}
    split = []
    for person in truth:
        ids = [
            ("contact_id", person["contact_id"]),
            ("contact_id", person["duplicate_contact_id"]),
            ("user_id", person["user_id"]),
            ("billing_customer_id", person["billing_customer_id"]),
        ]
        found = {customer[key] for key in ids if key[1] and key in customer}
        if len(found) > 1:
            split.append(person["person"])
        for customer_id in found:
            assert owner.setdefault(customer_id, person["person"]) == person["person"]
    assert len(split) <= 0.01 * len(truth), split


def test_test_accounts_are_nowhere(demo: Project) -> None:
    assert demo.value("select count(*) from identity.customer_identity_map where is_test") > 0
    in_360 = demo.value(
        "select count(*) from customer_360.customer_360 "
        "where primary_email like '%@example.com' or primary_email like '%@tallyworks.test'"
    )
    assert in_360 == 0


def test_segments_agree_with_the_hidden_states(demo: Project, truth: list[dict[str, str]]) -> None:
    """The segments that the rules find are those that behaviour was made from."""
    last_state = {row["user_id"]: row["states"][-1] for row in truth if row["user_id"]}
    rows = demo.rows(
        """
        select members.segment_id, identifiers.identifier_value
        from segments.segment_membership as members
        inner join identity.customer_identifiers as identifiers
            on members.entity_id = identifiers.customer_id
            and identifiers.identifier_type = 'user_id'
        """
    )

    def share(segment: str, states: str) -> float:
        of_segment = [last_state[user] for name, user in rows if name == segment]
        return sum(state in states for state in of_segment) / len(of_segment)

    def of_everybody(states: str) -> float:
        return sum(state in states for state in last_state.values()) / len(last_state)

    active, gone_or_going = "agb", "rc"  # activated, growing, back; at risk, churned
    assert share("active_four_days_a_week", active) > 0.9 > 2 * of_everybody(active)
    assert share("rfm_at_risk", gone_or_going) > 0.85 > of_everybody(gone_or_going)
    assert share("at_risk_paying", "r") > 1.5 * of_everybody("r")


def test_the_csv_file_holds_the_audience(demo: Project) -> None:
    with (demo.folder / "deliveries" / "champions.csv").open(newline="") as lines:
        delivered = {(row["entity_key"], row["email"]) for row in csv.DictReader(lines)}
    audience = set(demo.rows("select entity_key, email from activation.audience_champions"))
    assert delivered == audience
    assert len(audience) > 0


def test_audiences_hold_published_members_who_agreed(demo: Project) -> None:
    wrong = demo.value(
        """
        select count(*)
        from activation.audience_at_risk_paying as audience
        left join segments.segment_membership as members
            on audience.entity_key = members.entity_id and members.segment_id = 'at_risk_paying'
        left join activation.consent_current as consents
            on audience.entity_key = consents.customer_id
            and consents.channel = 'email' and consents.status = 'granted'
        where members.entity_id is null or consents.customer_id is null
        """
    )
    assert wrong == 0


def test_the_ledger_says_that_everything_was_delivered(demo: Project) -> None:
    states = demo.rows(
        "select sync_name, state, count(*) from activation.sync_ledger group by 1, 2 order by 1"
    )
    audiences = {
        "sync_at_risk_paying_webhook": "audience_at_risk_paying",
        "sync_call_churn_risk": "audience_call_churn_risk",
        "sync_call_product_qualified_leads": "audience_call_product_qualified_leads",
        "sync_call_ready_to_expand": "audience_call_ready_to_expand",
        "sync_champions_file": "audience_champions",
        "sync_playbook_events": "audience_playbook_events",
    }
    assert states == [
        (name, "delivered", demo.value(f"select count(*) from activation.{audience}"))
        for name, audience in audiences.items()
    ]


def test_every_published_member_is_told_or_left_out_with_a_reason(demo: Project) -> None:
    unexplained = demo.rows(
        """
        select members.segment_id, members.entity_id
        from segments.segment_membership as members
        left join activation.audience_champions as told on members.entity_id = told.entity_key
        left join activation.audience_exclusions as left_out
            on members.entity_id = left_out.entity_key
            and left_out.audience_name = 'audience_champions'
        where members.segment_id = 'champions'
            and (told.entity_key is null) = (left_out.entity_key is null)
        """
    )
    assert unexplained == []
    reasons = dict(
        demo.rows(
            "select reason, min(detail) from activation.audience_exclusions "
            "where audience_name = 'audience_champions' group by 1"
        )
    )
    assert reasons == {"no_consent": "consent denied", "suppressed": "legal dispute"}


def test_an_experiment_withholds_its_holdout_and_remembers_everybody(demo: Project) -> None:
    arms = dict(
        demo.rows(
            "select assigned.arm, count(told.entity_key) > 0 "
            "from activation.experiment_assignments as assigned "
            "left join activation.audience_at_risk_paying as told using (entity_key) group by 1"
        )
    )
    assert arms == {"treatment": True, "holdout": False}


def test_a_call_list_is_in_order_and_says_why_somebody_is_on_it(demo: Project) -> None:
    with (demo.folder / "deliveries" / "call_churn_risk.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [int(row["rank"]) for row in rows] == list(range(1, 51))
    revenue = [float(row["mrr"]) for row in rows]
    assert revenue == sorted(revenue, reverse=True)
    assert all(row["signals"] for row in rows)


def test_events_tell_of_everybody_who_moved_after_the_first_publication(demo: Project) -> None:
    told = demo.rows("select segment_id, change, count(*) from activation.audience_playbook_events "
                     "group by 1, 2 order by 1, 2")  # fmt: skip
    segments = sorted({segment for segment, _, _ in told})
    moved = demo.rows(
        "select segment_id, change, count(*) from segments.segment_changes "
        "where segment_id in ('at_risk_paying', 'payment_failed', 'trial_ending_active', "
        "'product_qualified_leads') and changed_at > timestamp '2026-06-29' and not is_move "
        "group by 1, 2 order by 1, 2"
    )
    assert told == moved
    assert "product_qualified_leads" in segments


def test_results_of_the_audit_are_in_the_warehouse_and_on_pages(demo: Project) -> None:
    results = demo.rows(
        "select suite, is_success, count(*) from operations.expectation_results group by 1, 2"
    )
    assert {is_success for _, is_success, _ in results} == {True}
    pages = demo.folder / "target" / "data_docs"
    assert "customer_360" in (pages / "index.html").read_text()
    assert (pages / "suites" / "segment__champions.html").exists()


def test_the_demo_says_where_to_look(demo: Project) -> None:
    shown = (demo.folder / "demo.txt").read_text()
    assert str(demo.duckdb) in shown
    assert str(demo.folder / "target" / "data_docs" / "index.html") in shown
    assert "make dagster" in shown


def test_segments_shows_the_table_again(demo: Project) -> None:
    done = demo.strata("segments")
    assert done.returncode == 0
    assert "champions" in done.stdout
    assert done.stdout.count("published") == len(
        demo.rows("select distinct segment_id from segments.segment_membership")
    )


def test_refreshing_the_same_instant_again_changes_nothing(demo: Project, tmp_path: Path) -> None:
    again = demo.copy(tmp_path / "again")
    before = again.rows(HISTORY)
    assert again.strata("refresh").returncode == 0
    assert again.rows(HISTORY) == before


def test_dbt_alone_publishes_the_same_members(demo: Project, tmp_path: Path) -> None:
    """A fresh warehouse, no Dagster and no Great Expectations: `dbt build` and nothing else."""
    alone = Project(tmp_path)
    done = alone.dbt("build")
    assert done.returncode == 0, done.stdout[-3000:]
    members = "select segment_id, entity_id from segments.segment_membership order by 1, 2"
    assert alone.rows(members) == demo.rows(members)


def test_a_full_refresh_drops_no_history(demo: Project, tmp_path: Path) -> None:
    again = demo.copy(tmp_path / "full")
    before = again.rows(HISTORY), again.rows("select * from activation.sync_ledger order by 1, 2")
    verdicts = again.value("select count(*) from segments.segment_verdicts")
    done = again.dbt("build", "--full-refresh", "--exclude", "path:seeds/demo")
    assert done.returncode == 0, done.stdout[-3000:]
    after = again.rows(HISTORY), again.rows("select * from activation.sync_ledger order by 1, 2")
    assert before == after
    assert again.value("select count(*) from segments.segment_verdicts") > verdicts


def test_a_failed_expectation_holds_the_segments_that_use_the_column(
    demo: Project, tmp_path: Path
) -> None:
    """One survey answer off the scale: segments by NPS score are held as they were, no other is.

    Staging turns such an answer away; the audit is there for the day on which it does not."""
    project = demo.copy(tmp_path / "off_the_scale")
    rules = Path("macros", "staging", "reject_rules.sql")
    lenient = (PROJECT_DIR / rules).read_text().replace("('nps', 0, 10)", "('nps', 0, 100)")
    project.sources = edited_sources(tmp_path / "sources", {str(rules): lenient})
    members = "select count(*) from segments.segment_membership where segment_id = 'nps_promoters'"
    before = project.value(members)
    project.execute(
        "update raw_generic.survey_responses set score = 99, responded_at = timestamp '2026-06-30' "
        "where response_id = (select min(response_id) from raw_generic.survey_responses "
        "where kind = 'nps')"
    )
    done = project.strata("refresh", "--as-of", "2026-07-01T01:00:00Z")
    assert done.returncode == 0, done.stderr
    held = project.rows(
        "select segment_id, reasons from segments.segment_verdicts "
        "where verdict = 'hold' and as_of = timestamp '2026-07-01 01:00:00'"
    )
    by_score = {"nps_promoters", "nps_passives", "nps_detractors", "advocates"}
    assert {segment for segment, _ in held} == by_score
    assert [reasons for _, reasons in held if "nps_score" not in str(reasons)] == []
    assert project.value(members) == before
    assert f"held nps_promoters: {dict(held)['nps_promoters']}" in done.stdout
    runs = project.rows("select state, step from operations.runs order by started_at desc limit 1")
    assert runs == [("succeeded", "publish")]


def test_an_unreachable_webhook_is_named_and_nothing_is_lost(demo: Project, tmp_path: Path) -> None:
    project = demo.copy(tmp_path / "unreachable")
    project.execute("delete from activation.sync_ledger")
    project.settings = {
        "STRATA_PLAYBOOK_URL": "http://127.0.0.1:9/hook",
        "STRATA_PLAYBOOK_SECRET": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=",
    }
    done = project.strata("sync")
    assert done.returncode == 5
    assert "http://127.0.0.1:9/hook" in done.stderr
    assert "sync_champions_file" in done.stdout
    planned = project.strata("sync", "sync_at_risk_paying_webhook", "--plan").stdout
    assert str(project.value("select count(*) from activation.audience_at_risk_paying")) in planned


def test_an_unknown_sync_is_answered_with_those_there_are(demo: Project) -> None:
    done = demo.strata("sync", "sync_champion")
    assert done.returncode == 2
    assert "sync_champions_file" in done.stderr


def test_dbts_pages_lead_from_a_segment_to_its_audit(demo: Project) -> None:
    done = demo.strata("docs")
    assert done.returncode == 0, done.stderr
    target = demo.folder / "target"
    assert str(target / "index.html") in done.stdout
    macros = json.loads((target / "manifest.json").read_text())["macros"]
    said = macros["macro.strata.segment__champions"]["description"]
    assert said.startswith("**Champions** (customers). ")
    [page] = re.findall(r"\(([^)]*\.html)\)", said)
    assert ">published<" in (target / page).read_text()
