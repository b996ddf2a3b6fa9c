"""The segment tools on the demo company: every number against SQL, and every wrong question."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from project import Project, edited_sources
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.errors import StrataError

pytestmark = pytest.mark.slow

LOYAL_TOO = "c.rfm_cell in ('champion', 'loyal')"
BY_HAND = (
    "customer_id in (select entity_id from segments.segment_overrides "
    "where segment_id = 'champions' and is_applied and action = '{action}')"
)
INCLUDED, EXCLUDED = BY_HAND.format(action="include"), BY_HAND.format(action="exclude")
IN_CELL = f"((rfm_cell = 'champion' or {INCLUDED}) and not {EXCLUDED})"
IN_CELLS = f"((rfm_cell in ('champion', 'loyal') or {INCLUDED}) and not {EXCLUDED})"
MEMBERS = "select entity_id from segments.segment_membership where segment_id = 'champions'"
LAST = "2026-07-01T00:00:00Z"


@pytest.fixture(scope="module")
def company(demo: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The demo after an analyst edited segments on a branch: two changed, one gone, one new."""
    folder = tmp_path_factory.mktemp("tools")
    sources = edited_sources(folder / "sources", {})
    git(sources, "init", "-q", "-b", "main")
    git(sources, "add", "-A")
    git(sources, "commit", "-qm", "as published")
    git(sources, "switch", "-qc", "topic")
    segments = sources / "macros" / "segments"
    edit(segments / "value" / "champions.sql", "c.rfm_cell = 'champion'", LOYAL_TOO)
    edit(segments / "value" / "champions.sql", "'rfm_cell': 'loyal'", "'rfm_cell': 'lost'")
    edit(segments / "value" / "new_buyers.sql", "max_share=0.5", "max_share=0.4")
    # A helper changes, and with it every segment that calls it.
    edit(sources / "macros" / "rules" / "within_last.sql", "{{ days }}' day", "{{ days }}' hour")
    (segments / "survey" / "dissatisfied.sql").unlink()
    (segments / "value" / "rich_accounts.sql").write_text(
        "{% macro segment__rich_accounts() %}\n    {{- return(segment(label='Rich accounts',\n"
        "    description='Pay', type='value', entity='account', owner='a@strata.example',\n"
        "    conditions={'pays': 'a.mrr > 0'})) -}}\n{% endmacro %}\n"
    )
    project = demo.copy(folder / "warehouse")
    project.sources = sources
    return project


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@strata.example"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def printed(project: Project, *arguments: str, exit_code: int = 0) -> str:
    """What a command prints."""
    done = project.strata(*arguments)
    assert done.returncode == exit_code, done.stdout + done.stderr
    return done.stdout


def refused(project: Project, *arguments: str) -> str:
    """The one message of a command that refuses."""
    done = project.strata(*arguments)
    assert done.returncode in (1, 2, 3), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def digest(project: Project) -> list[tuple[object, ...]]:
    """Every relation with its number of rows."""
    with project.engine().connect() as connection:  # opened once: it takes longer than to count
        relations = connection.exec_driver_sql(
            "select table_schema, table_name from information_schema.tables order by 1, 2"
        ).all()
        return [
            (
                schema,
                table,
                connection.exec_driver_sql(f'select count(*) from "{schema}"."{table}"').scalar(),
            )
            for schema, table in relations
        ]


def test_a_preview_counts_what_sql_counts_and_changes_nothing(company: Project) -> None:
    before = digest(company)
    shown = printed(company, "preview", "champions")
    assert digest(company) == before

    size, entities, mrr, total = company.rows(
        f"select count(case when {IN_CELLS} then 1 end), count(*), "
        f"sum(case when {IN_CELLS} then mrr end), sum(mrr) from customer_360.customer_360"
    )[0]
    entering = company.value(
        f"select count(*) from customer_360.customer_360 where {IN_CELLS} "
        f"and customer_id not in ({MEMBERS})"
    )
    assert entering > 10
    assert re.search(rf"members +{size:,} +{size / entities:.1%} of {entities:,} customers", shown)
    published = company.value(f"select count(*) from ({MEMBERS}) as members")
    assert re.search(rf"published now +{published}\b", shown)
    assert re.search(rf"would enter +{entering} +cus_", shown)
    assert re.search(r"would leave +0\b", shown)
    assert re.search(rf"their MRR +{mrr:,.2f} +{mrr / total:.1%} of {total:,.2f}", shown)
    other, shared, other_size = company.rows(
        "select segment_id, count(case when entity_id in (select customer_id from "
        f"customer_360.customer_360 where {IN_CELLS}) then 1 end), count(*) "
        "from segments.segment_membership where entity = 'customer' and segment_id <> 'champions' "
        "group by 1 order by 2 desc, 1 limit 1"
    )[0]
    assert re.search(
        rf"{other} +│ +{shared} │ +{shared / size:.1%} │ +{shared / other_size:.1%}", shown
    )
    assert (
        f"would be held: the definition changed and {entering} would enter and 0 leave of "
        f"{published} members, more than the largest change of 50.0%" in shown
    )


def test_a_diff_counts_both_definitions_over_the_same_customers(company: Project) -> None:
    shown = printed(company, "diff", "--markdown", "--max-change", "0.6", exit_code=6)
    rows = {
        cells[0].strip("`"): cells[1:]
        for line in shown.splitlines()
        if line.startswith("| `")
        for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
    }
    before = company.value(f"select count(*) from customer_360.customer_360 where {IN_CELL}")
    enter, mrr = company.rows(
        f"select count(*), sum(mrr) from customer_360.customer_360 where {IN_CELLS} "
        f"and not {IN_CELL}"
    )[0]
    assert rows["champions"] == [
        "changed", f"{before}", f"{before + enter}", f"{enter}", "0", f"{enter / before:.1%}",
        f"{mrr:,.2f}", "0.00", "`sync_champions_file`",
    ]  # fmt: skip
    gone, mrr = company.rows(
        "select count(*), sum(mrr) from customer_360.customer_360 where customer_id in (select "
        "entity_id from segments.segment_membership where segment_id = 'dissatisfied')"
    )[0]
    assert rows["dissatisfied"] == [
        "removed", f"{gone}", "0", "0", f"{gone}", "100.0%", "0.00", f"{mrr:,.2f}", "",
    ]  # fmt: skip
    new, mrr = company.rows(
        "select count(*), sum(mrr) from customer_360.account_360 where mrr > 0"
    )[0]
    assert rows["rich_accounts"] == [
        "added", "0", f"{new}", f"{new}", "0", "", f"{mrr:,.2f}", "0.00", "",
    ]  # fmt: skip
    buyers, stay = company.rows(
        "select count(*), count(case when first_purchase_at > timestamp '2026-07-01' "
        "- interval '30' hour then 1 end) from customer_360.customer_360 where "
        "first_purchase_at > timestamp '2026-07-01' - interval '30' day"
    )[0]
    assert rows["new_buyers"][:5] == [
        "changed", f"{buyers}", f"{stay}", "0", f"{buyers - stay}",
    ]  # fmt: skip
    # Beside the edited ones: those that call the helper, and the one that loses its members to the
    # wider champions, who rank above it in their group.
    segments = company.sources / "macros/segments"
    calling = {path.stem for path in segments.rglob("*.sql") if "within_last(" in path.read_text()}
    assert len(calling) > 3
    assert set(rows) == calling | {"champions", "dissatisfied", "rich_accounts", "loyal_buyers"}
    assert "- `new_buyers`: max_share: 0.5 → 0.4" in shown
    assert f"`c.rfm_cell = 'champion'` → `{LOYAL_TOO}`" in shown
    above = re.search(r"\*\*Above the bound of 60.0%:\*\* (.*)", shown)
    assert above
    assert (
        {"`champions`", "`dissatisfied`"}
        <= set(above[1].split(", "))
        < {f"`{row}`" for row in rows}
    )


def test_an_entity_is_explained_condition_by_condition(company: Project) -> None:
    unknown, name, users = company.rows(
        "select account_id, name, active_users_last_28 from customer_360.account_360 "
        "where mrr = 0 and health_score is null and active_users_last_28 < 3 order by 1 limit 1"
    )[0]
    shown = printed(company, "explain", "expansion_candidates", unknown)
    assert "Not a published member now" in shown
    assert re.search(r"│ false +│ pays +│ a.mrr = 0.00", shown), name
    assert re.search(
        rf"│ false +│ has at least 3 active .*a.active_users_last_28 = {users} ", shown
    )
    assert re.search(r"│ unknown │ is healthy +│ a.health_score = null", shown)

    # An address stands for its customer; a member then is told from a member now.
    customer, entered, left, email = company.rows(
        "select history.entity_id, history.valid_from, history.valid_to, "
        "min(identifiers.identifier_value) from segments.segment_membership_history as history "
        "inner join identity.customer_identity_map as identifiers "
        "on history.entity_id = identifiers.customer_id and identifier_type = 'email' "
        "where segment_id = 'champions' and valid_to > valid_from "
        f"and history.entity_id not in ({MEMBERS}) group by 1, 2, 3 order by 1 limit 1"
    )[0]
    cell = company.value(
        "select rfm_cell from customer_360.customer_360 where customer_id = :customer",
        customer=customer,
    )
    then = printed(company, "explain", "champions", email.upper(), "--as-of", str(entered))
    assert f"{email.upper()} is {customer}" in then
    assert f"was one since {entered.isoformat()}Z until {left.isoformat()}Z, because the" in then
    assert f"360 as it stands, as of {LAST}: earlier ones are not kept" in then
    assert f"c.rfm_cell = {cell}" in then

    why = printed(company, "why-left", "champions", customer)
    assert f"Last stay: {entered.isoformat()}Z to {left.isoformat()}Z" in why
    assert "left because a condition did not hold any more (definition " in why
    holds = cell in ("champion", "loyal")
    assert ("All conditions hold: the definition was edited since" in why) == holds
    assert ("│ false │ is in the champion cell" in why) == (not holds)


def test_a_new_segment_is_one_file_that_passes_its_own_check(company: Project) -> None:
    options = [
        "--label", "Keen users", "--description", "Very active on Solo", "--type", "behavioural",
        "--owner", "growth@strata.example", "--condition", "on Solo: c.plan = 'solo'",
        "--condition", "active: c.active_days_last_28 >= 10",
    ]  # fmt: skip
    path = company.sources / "macros/segments/behavioural/keen_users.sql"
    try:
        shown = printed(company, "new", "segment", *options)
        assert "Wrote macros/segments/behavioural/keen_users.sql" in shown
        text = path.read_text()
    finally:
        path.unlink(missing_ok=True)
    assert "{'given': {'plan': 'solo', 'active_days_last_28': 10}, 'member': true}," in text
    assert "{'given': {'plan': 'solo', 'active_days_last_28': 9}, 'member': false}," in text
    assert "{'given': {}, 'member': false}," in text

    wrong = refused(company, "new", "segment", *options, "--condition", "rich: c.wealth > 1")
    assert "names c.wealth, but customer_360 has no such column" in wrong
    assert not path.exists()


# --- wrong questions: answered before dbt is asked, so in this process ----------------------------


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Project, str], str]:
    """What a command says when it refuses, on the warehouse of a project."""

    def ask(project: Project, arguments: str) -> str:
        monkeypatch.setenv("STRATA_DUCKDB_PATH", str(project.duckdb))
        done = CliRunner().invoke(app, arguments.split())
        assert isinstance(done.exception, StrataError), done.output
        return str(done.exception)

    return ask


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("preview champion", "Did you mean champions?"),
        ("preview champions --as-of yesterday", "It takes a UTC instant such as"),
        ("preview champions --as-of 2026-13-01", "as_of is '2026-13-01' (month must be in 1..12)"),
        ("preview champions --as-of 0001-01-01T00:00:00+05:00", "It takes a UTC instant such as"),
        ("preview champions --as-of 2026-06-30", f"the 360s stand as of {LAST}"),
        ("explain champion cus_1", "Did you mean champions?"),
        ("explain champions cus_1 --as-of 2026-01-01", f"from 2026-06-29T00:00:00Z to {LAST}"),
        ("explain champions cus_1 --as-of 2027-01-01", f"from 2026-06-29T00:00:00Z to {LAST}"),
        ("explain champions nobody", "There is no customer 'nobody'. It takes the id of"),
        ("why-left champions zzz", "or an e-mail address; ids look like cus_"),
        ("why-left rfm_at_riks cus_1", "Did you mean rfm_at_risk?"),
        ("diff --base no_such_branch", "git knows no revision 'no_such_branch' in "),
        ("diff --base no_such_branch", "--base takes a revision that git knows"),
        ("backfill --from 2026-06-01 --to 2026-06-02 --every 1d", "history only grows forward"),
        ("backfill --from 2026-08-01 --to 2026-08-02 --every 1d --segment champions",
         "--segment needs --into FILE"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_answered_usefully(
    company: Project, answer: Callable[[Project, str], str], arguments: str, words: str
) -> None:
    assert words in answer(company, arguments)


def test_whom_nobody_knows_is_said(company: Project, answer: Callable[[Project, str], str]) -> None:
    account, customer = company.rows(
        "select account_id, min(customer_id) from customer_360.customer_360 "
        "where account_id is not null group by 1 order by 1 limit 1"
    )[0]
    said = answer(company, f"explain champions {account}")
    assert f"'{account}' is an account" in said
    assert customer in said
    said = answer(company, "why-left champions x@y.example")
    assert "Nobody has the e-mail address 'x@y.example'" in said
    assert "There is no customer 'cus_'. " in answer(company, "explain champions cus_")


def test_a_segment_whose_domain_is_off_is_not_evaluated(company: Project, tmp_path: Path) -> None:
    off = company.copy(tmp_path / "off")
    off.execute("update operations.runs set sources = replace(sources, '\"zendesk\"', '\"none\"')")
    said = refused(off, "preview", "heavy_support_users")
    assert "heavy_support_users is not evaluated: requires support, switched off (none)" in said


@pytest.fixture(scope="module")
def held(company: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A warehouse that another process has open."""
    project = company.copy(tmp_path_factory.mktemp("held") / "warehouse")
    program = (
        "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(project.duckdb)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        yield project
        process.communicate()


@pytest.mark.parametrize(
    "arguments",
    ["preview champions", "diff", "explain champions x", "why-left champions x",
     "backfill --from 2026-08-01 --to 2026-08-02 --every 1d"],
)  # fmt: skip
def test_a_warehouse_that_is_held_or_empty_or_missing(
    held: Project, answer: Callable[[Project, str], str], tmp_path: Path, arguments: str
) -> None:
    assert "is held by process" in answer(held, arguments)
    if arguments.startswith("backfill"):
        return  # it may begin a history
    nothing = Project(tmp_path)
    assert "There is no DuckDB file" in answer(nothing, arguments)
    duckdb.connect(str(nothing.duckdb)).close()
    assert "Nothing is published yet: run `strata refresh`" in answer(nothing, arguments)
    nothing.duckdb.write_text("customer_id,segment\n")
    said = answer(nothing, arguments)
    assert "is not a valid DuckDB database file" in said
    assert "STRATA_DUCKDB_PATH names another file" in said


@pytest.mark.parametrize(
    "arguments",
    [["preview", "champions"], ["explain", "champions", "x"], ["segments"],
     ["hold", "champions", "--reason", "x"]],
)  # fmt: skip
def test_a_warehouse_with_other_tables_of_these_names(tmp_path: Path, arguments: list[str]) -> None:
    other = Project(tmp_path)
    with duckdb.connect(str(other.duckdb)) as connection:
        connection.execute("create schema segments; create schema operations")
        connection.execute("create table segments.segment_verdicts (name varchar)")
        connection.execute("create table operations.segment_decisions (name varchar)")
    said = refused(other, *arguments)
    assert 'The warehouse refused a query: Binder Error: Referenced column "' in said
    assert "the warehouse is another project's or an older one's" in said
