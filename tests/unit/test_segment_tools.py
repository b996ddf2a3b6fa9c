"""What the segment tools understand and write, without dbt or a warehouse."""

import os
import shutil
import signal
import subprocess
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.errors import ChangeAboveBound, UsageError
from orchestration.progress import Steps
from orchestration.project import PROJECT_DIR
from orchestration.segment_files import check_segment_files
from orchestration.segment_tools import ask, new_segment
from orchestration.segment_tools import diff as diffs
from orchestration.segment_tools.backfill import _stopping_at_ctrl_c, instants_between
from orchestration.segment_tools.diff import ConditionChange, Diff, SegmentChange, check_change
from orchestration.segment_tools.evaluation import Definition, with_dependents, with_needed
from orchestration.segment_tools.ids import known_segment
from orchestration.segment_tools.new_segment import Draft, Example, proposed_examples, segment_text
from orchestration.segment_tools.show import diff_markdown

TODAY = date(2026, 7, 1)
DRAFT = Draft(
    segment_id="keen_users",
    label="Keen users' club",
    description='Called "power" by all, and they\'re proud',
    type="behavioural",
    owner="growth@tallyworks.example",
    conditions={
        "is on Solo": "c.plan = 'solo'",
        "active on 10 of 28 days": "c.active_days_last_28 >= 10",
        "signed up lately": "within_last('c.signed_up_at', 90)",
        "of a large account": "a.user_count > 500",
    },
    requires=("billing", "events"),
)


# --- ids ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("champion", "Did you mean champions?"),
        ("Champ-ions", "Did you mean champions?"),
        ("zzz", "Segments: at_risk_paying, champions."),
    ],
)
def test_a_wrong_id_is_answered_with_the_nearest(given: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        known_segment(given, ["champions", "at_risk_paying"])
    assert words in str(refused.value)


# --- new segment ----------------------------------------------------------------------------------


def written(draft: Draft, folder: Path) -> str:
    """The text of a draft, checked as the file of a project would be."""
    helpers = {"within_last", "days_since"}
    text = segment_text(draft, proposed_examples(draft), helpers)
    path = folder / "macros" / "segments" / draft.type / f"{draft.segment_id}.sql"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    for name in ("rules", "segment_engine"):
        shutil.copytree(PROJECT_DIR / "macros" / name, folder / "macros" / name)
    check_segment_files(folder)
    return text


def test_the_file_is_what_a_person_would_write(tmp_path: Path) -> None:
    text = written(DRAFT, tmp_path)
    assert "{% macro segment__keen_users() %}" in text
    assert 'label="Keen users\' club",' in text
    assert "description='Called \"power\" by all, and they\\'re proud'," in text
    assert "'is on Solo': \"c.plan = 'solo'\"," in text
    assert "'signed up lately': within_last('c.signed_up_at', 90)," in text, "a helper is called"
    assert "requires=['billing', 'events']," in text
    assert "entity=" not in text, "customer is the default"
    assert "purpose=" not in text


def test_examples_lie_at_the_edges_of_simple_conditions() -> None:
    at_the_edge = {"plan": "'solo'", "active_days_last_28": "10", "signed_up_at": "days_ago(0)"}
    account = {"user_count": "501"}
    assert proposed_examples(DRAFT) == [
        Example(at_the_edge, account),
        Example({**at_the_edge, "plan": "'something else'"}, account),
        Example({**at_the_edge, "active_days_last_28": "9"}, account),
        Example({**at_the_edge, "signed_up_at": "days_ago(90)"}, account),
        Example(at_the_edge, {"user_count": "500"}),
        Example({}, {}),
    ]


@pytest.mark.parametrize(
    ("sql", "inside", "beyond"),
    [
        ("c.mrr < 19.99", "19.98", "19.99"),
        ("c.mrr <= 0.5", "0.5", "0.6"),
        ("c.mrr > -1", "0", "-1"),
        ("c.mrr = 7", "7", "8"),
        ("c.is_trialing = true", "true", "false"),
    ],
)
def test_the_edge_of_a_comparison(sql: str, inside: str, beyond: str) -> None:
    draft = Draft("x", "X", "X", "value", "a@b.example", {"x": sql})
    values = [list(example.given.values()) for example in proposed_examples(draft)]
    assert values == [[inside], [beyond], []]


def test_a_condition_that_is_no_simple_comparison_gets_an_empty_example() -> None:
    draft = Draft("x", "X", "X", "value", "a@b.example", {"x": "c.mrr > 0 or c.arr > 0"})
    assert proposed_examples(draft) == [Example({}, {})]


@pytest.mark.parametrize(
    ("check", "wrong", "words"),
    [
        (new_segment.check_id, "champions", "macros/segments/value/champions.sql"),
        (new_segment.check_id, "Power-Users", "snake_case"),
        (new_segment.check_id, "power__users", "snake_case"),
        (new_segment.check_id, "1st", "snake_case"),
        (new_segment.check_type, "behaviour", "Accepted: a_priori, demographic, geographic, "),
        (new_segment.check_entity, "person", "Accepted: customer, account."),
        (new_segment.check_owner, "growth", "e-mail address"),
        (new_segment.check_domains, "billing, sales", "The domain is 'sales'. Accepted: crm, "),
        (new_segment.parse_condition, "c.mrr > 0", "a name and SQL"),
        (new_segment.parse_condition, "pays: ", "a name and SQL"),
        (lambda text: new_segment.check_review_by(text, TODAY), "soon", "such as 2027-06-30"),
        (lambda text: new_segment.check_review_by(text, TODAY), "2026-07-01", "not in the future"),
    ],
)
def test_a_wrong_answer_is_refused_with_what_is_accepted(
    check: object, wrong: str, words: str
) -> None:
    assert callable(check)
    with pytest.raises(UsageError) as refused:
        check(wrong)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--label", " "], "--label is ' '. It takes a text."),
        (["--label", "L", "--description", ""], "--description is ''. It takes a text."),
        (["--condition", "pays: c.mrr > 0", "--condition", "pays: c.mrr > 1"],
         "Two conditions are named 'pays': c.mrr > 0 and c.mrr > 1."),
    ],
)  # fmt: skip
def test_a_wrong_option_is_named(
    drafts: list[Draft], monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    monkeypatch.setattr(ask, "can_ask", lambda: False)
    right = ["--label", "L", "--description", "D", "--type", "value", "--owner", "a@b.example"]
    done = CliRunner().invoke(app, ["new", "segment", *right, *options])
    assert isinstance(done.exception, UsageError), done.output
    assert words in str(done.exception)
    assert not drafts


@pytest.fixture
def drafts(monkeypatch: pytest.MonkeyPatch) -> list[Draft]:
    """What would have been written."""
    found: list[Draft] = []

    def keep(draft: Draft) -> Path:
        found.append(draft)
        return PROJECT_DIR / "macros" / "segments" / f"{draft.segment_id}.sql"

    monkeypatch.setattr(new_segment, "write_segment", keep)
    return found


def test_a_person_is_asked_until_the_answer_is_right(
    drafts: list[Draft], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask, "can_ask", lambda: True)
    answers = [
        "Keen users", "champions", "", "Very active", "behaviour", "behavioural", "", "nobody",
        "growth@tallyworks.example", "", "is on Solo", "c.plan = 'solo'", "pays", "c.mrr > 0", "",
        "billing", "Offer Team", "2020-01-01", "",
    ]  # fmt: skip
    done = CliRunner().invoke(app, ["new", "segment"], input="\n".join(answers) + "\n")
    assert done.exit_code == 0, done.output
    [draft] = drafts
    assert draft.segment_id == "keen_users", "proposed from the label"
    assert draft.type == "behavioural"
    assert draft.entity == "customer"
    assert draft.conditions == {"is on Solo": "c.plan = 'solo'", "pays": "c.mrr > 0"}
    assert draft.requires == ["billing"]
    assert date.fromisoformat(draft.review_by) > date.today() + timedelta(days=360)
    assert "strata preview keen_users" in done.output


def test_a_script_gives_options_and_is_asked_nothing(drafts: list[Draft]) -> None:
    options = ["--label", "Big", "--description", "Big ones", "--type", "value", "--entity",
               "account", "--owner", "a@b.example", "--condition", "pays: a.mrr > 0"]  # fmt: skip
    done = CliRunner().invoke(app, ["new", "segment", *options])
    assert done.exit_code == 0, done.output
    assert drafts[0].segment_id == "big"
    assert drafts[0].entity == "account"
    missing = CliRunner().invoke(app, ["new", "segment", *options[:-2]])
    assert "--condition is missing" in str(missing.exception)


# --- diff -----------------------------------------------------------------------------------------

CHANGE = SegmentChange(
    segment_id="champions", entity="customer", change="changed", before_count=78, after_count=70,
    added_count=2, removed_count=10, mrr_added=Decimal("19.5"), mrr_removed=Decimal("1200"),
    conditions=[ConditionChange("pays", "c.mrr > 0", "c.mrr > 1")], syncs=["sync_champions_file"],
    not_evaluated_reason=None,
)  # fmt: skip
FOUND = Diff("abc1234", datetime(2026, 7, 1), [CHANGE], {"new_buyers": ["max_share: 0.5 → 0.4"]})


def test_a_diff_is_a_table_in_a_comment() -> None:
    text = diff_markdown(FOUND, 0.1)
    assert (
        "| `champions` | changed | 78 | 70 | 2 | 10 | 15.4% | 19.50 | 1,200.00 "
        "| `sync_champions_file` |" in text
    )
    assert "- `champions`: pays: `c.mrr > 0` → `c.mrr > 1`" in text
    assert "- `new_buyers`: max_share: 0.5 → 0.4" in text
    assert "**Above the bound of 10.0%:** `champions`" in text
    assert "All within the bound of 20.0%." in diff_markdown(FOUND, 0.2)
    assert diff_markdown(Diff("abc1234", None, [], {})) == "No segment differs from `abc1234`."


def test_a_change_above_its_bound_is_an_error_of_its_own() -> None:
    check_change(FOUND, None)
    check_change(FOUND, 12 / 78)
    with pytest.raises(ChangeAboveBound, match=r"champions \(15\.4%\)") as refused:
        check_change(FOUND, 0.15)
    assert refused.value.exit_code == 6


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a folder of a git repository, two segments and a helper committed on main."""
    folder = tmp_path / "below" / "project"
    for name, text in {"value/a": "a", "value/b": "b"}.items():
        path = folder / "macros" / "segments" / f"{name}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "macros" / "rules").mkdir()
    (folder / "macros" / "rules" / "helper.sql").write_text("h")
    monkeypatch.setattr(diffs, "PROJECT_DIR", folder)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return folder


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@strata.example"]
    done = subprocess.run(
        ["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_files_that_differ_are_read_from_the_revision(repository: Path) -> None:
    segments, rules = repository / "macros" / "segments", repository / "macros" / "rules"
    assert diffs.changed_files("HEAD") == {}
    (segments / "value" / "a.sql").write_text("a, edited")
    (segments / "value" / "b.sql").unlink()
    (segments / "value" / "new.sql").write_text("new")
    (rules / "helper.sql").write_text("h, edited")
    (rules / "new_helper.sql").write_text("harms no old segment")
    assert diffs.changed_files("HEAD") == {
        "macros/segments/value/a.sql": "a",
        "macros/segments/value/b.sql": "b",
        "macros/segments/value/new.sql": None,
        "macros/rules/helper.sql": "h",
    }


def test_the_base_is_the_merge_base_with_main_or_head(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "switch", "-qc", "topic")
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    assert diffs.default_base() == first
    assert diffs.short_name(first) == first[:7]
    git(repository, "branch", "-qm", "main", "trunk")
    assert diffs.default_base() == "HEAD"
    with pytest.raises(UsageError, match="--base takes a revision that git knows"):
        diffs.short_name("nothing")


def test_a_folder_without_git_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffs, "PROJECT_DIR", tmp_path)
    with pytest.raises(UsageError, match="not a git repository"):
        diffs.short_name("HEAD")


def definition(segment_id: str, refers_to: str = "", group: str = "") -> Definition:
    settings = {"refers_to": refers_to, "priority_group": group}
    return Definition(segment_id, segment_id, "customer", {}, "v", None, settings)


def test_segments_depend_on_each_other_by_reference_and_priority() -> None:
    project = {
        one.segment_id: one
        for one in (
            definition("base"),
            definition("refers", refers_to="base,other"),
            definition("gold", refers_to="refers", group="tier"),
            definition("silver", group="tier"),
            definition("other"),
        )
    }
    assert with_dependents(["base"], project) == {"base", "refers", "gold", "silver"}
    assert with_dependents(["silver"], project) == {"silver", "gold"}
    assert with_needed("silver", project) == {"silver", "gold", "refers", "base", "other"}
    assert with_needed("base", project) == {"base"}


# --- backfill -------------------------------------------------------------------------------------


def test_instants_go_from_the_first_in_steps() -> None:
    assert instants_between("2026-07-01", "2026-07-02T00:00:00Z", "8h") == [
        datetime(2026, 7, 1), datetime(2026, 7, 1, 8), datetime(2026, 7, 1, 16),
        datetime(2026, 7, 2),
    ]  # fmt: skip
    assert instants_between("2026-07-01", "2026-07-20", "2w") == [
        datetime(2026, 7, 1), datetime(2026, 7, 15),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "last", "every", "words"),
    [
        ("2026-07-01", "2026-07-02", "1 day", "such as 1h, 6h, 1d or 2w"),
        ("2026-07-01", "2026-07-02", "0h", "such as 1h, 6h, 1d or 2w"),
        ("2026-07-02", "2026-07-01", "1d", "before --from"),
        ("monday", "2026-07-01", "1d", "--from is 'monday'"),
    ],
)
def test_wrong_instants_are_refused(first: str, last: str, every: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        instants_between(first, last, every)
    assert words in str(refused.value)


def test_the_first_ctrl_c_is_a_wish_and_the_second_an_order() -> None:
    # Of a command; what ran before in this process may have left another.
    others = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with _stopping_at_ctrl_c(Steps(Console(quiet=True))) as asked:
            assert not asked
            os.kill(os.getpid(), signal.SIGINT)
            assert asked
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, others)
