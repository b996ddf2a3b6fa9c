"""Rules are written inside macros, where no linter sees them: their compiled SQL is linted."""

import configparser
import re
import textwrap

import pytest
import sqlfluff
from project import PROJECT_DIR, Project
from sqlfluff.core import FluffConfig

SEGMENTS = sorted(path.stem for path in (PROJECT_DIR / "macros" / "segments").rglob("*.sql"))
# Each segment by itself: the evaluation of all of them may put their rules into one query.
EACH = """
{% for definition in segment_definitions().values() %}
from (
    {{ evaluate_segment(definition) | indent(4) }}
) as found
{% endfor %}
"""
EVALUATION = re.compile(
    r"^( +select\n +'(\w+)' as segment_id,.*?)\n *\) as found$", re.DOTALL | re.MULTILINE
)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The query of each segment, as `dbt compile` writes it."""
    project = Project(tmp_path_factory.mktemp("compiled"))
    done = project.dbt("compile", "--inline", EACH)
    assert done.returncode == 0, done.stdout
    found = EVALUATION.findall(done.stdout)
    return {segment: textwrap.dedent(query) for query, segment in found}


@pytest.fixture(scope="module")
def rules() -> FluffConfig:
    """The project's lint rules for SQL without templates, which may have long lines: the rule
    helpers write those, not the author of a rule."""
    settings = configparser.ConfigParser()
    settings.read(PROJECT_DIR / ".sqlfluff")
    excluded = settings["sqlfluff"]["exclude_rules"] + ", layout.long_lines"
    config: FluffConfig = FluffConfig.from_path(
        str(PROJECT_DIR / "models"), overrides={"templater": "raw", "exclude_rules": excluded}
    )
    return config


def without_subqueries(sql: str) -> str:
    """The query with `(select 1)` for every subquery: a rule helper wrote it, on one line, and
    not the author of the rule."""
    kept, depth, quoted = "", 0, False
    for position, character in enumerate(sql):
        quoted ^= character == "'"
        opens = not quoted and character == "("
        if depth or (opens and sql.startswith("(select ", position)):
            depth += opens - (not quoted and character == ")")
            kept += "" if depth else "(select 1)"
        else:
            kept += character
    return kept


def lint(sql: str, rules: FluffConfig) -> list[str]:
    """What sqlfluff says about a query; comments above it and quoted relations are dbt's."""
    text = without_subqueries(re.sub(r"^(--.*\n|\s+)*", "", sql).rstrip() + "\n")
    text = re.sub(r'"\w+"\."\w+"\."(\w+)"', r"\1", text)
    return [
        f"{found['code']} line {found['start_line_no']}: {found['description']}"
        for found in sqlfluff.lint(text, config=rules)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("segment", SEGMENTS)
def test_the_sql_of_a_segment_is_clean(
    segment: str, compiled: dict[str, str], rules: FluffConfig
) -> None:
    query = compiled[segment]
    assert lint(query, rules) == [], f"macros/segments: segment__{segment} compiles to\n{query}"


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("(c.mrr>0)", "LT01"),
        ("(c.mrr > 0 AND c.arr > 0)", "CP01"),
        ("(mrr > 0)", "RF03"),
        ("(c.mrr >)", "PRS"),
        ("(c.mrr = null)", "CV05"),
    ],
)
def test_a_badly_written_rule_is_found(condition: str, code: str, rules: FluffConfig) -> None:
    query = f"select c.customer_id\nfrom customer_360 as c\nwhere\n    {condition}"
    assert code in {found.split()[0] for found in lint(query, rules)}


def test_what_helpers_write_is_left_out() -> None:
    rule = "(c.customer_id in (select a from b where c = ')' and (d > 1)))\n    and (c.mrr > (2))"
    assert without_subqueries(rule) == "(c.customer_id in (select 1))\n    and (c.mrr > (2))"


def test_a_well_written_rule_is_not(rules: FluffConfig) -> None:
    condition = "(c.mrr > 0)\n    and (c.plan = 'team')"
    query = f"select c.customer_id\nfrom customer_360 as c\nwhere\n    {condition}"
    assert lint(query, rules) == []
