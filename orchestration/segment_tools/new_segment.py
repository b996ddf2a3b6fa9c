"""`strata new segment`: writes the one file that a new segment is."""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import nodes
from sqlalchemy.exc import DBAPIError

from orchestration.dbt import Dbt
from orchestration.errors import UsageError
from orchestration.project import PROJECT_DIR, parse_sources
from orchestration.segment_files import SEGMENTS
from orchestration.segment_tools.ids import segment_files
from orchestration.warehouse import duckdb_engine

ENTITIES = ("customer", "account")
DOMAINS = ("crm", "billing", "events", "support", "survey")
TYPES = Path("macros", "segment_engine", "segment_types.sql")
HELPERS = Path("macros", "rules")

# A condition that is one comparison of a column with a number or a text has its boundary in it.
COMPARISON = re.compile(
    r"(?P<alias>[ca])\.(?P<column>[a-z_][a-z_0-9]*)\s*(?P<operator>>=|<=|>|<|=)\s*"
    r"(?P<value>-?\d+(?:\.\d+)?|'[^']*'|true|false)"
)
# So has a window of days that ends with the instant, as the rule helpers write it.
WINDOW = re.compile(
    r"(?:within_last|calendar_window)\(\s*(?P<quote>['\"])(?P<alias>[ca])\."
    r"(?P<column>[a-z_][a-z_0-9]*)(?P=quote)\s*,\s*(?P<days>\d+)\s*\)"
)


@dataclass(frozen=True)
class Draft:
    """What a person says about a new segment."""

    segment_id: str
    label: str
    description: str
    type: str
    owner: str
    conditions: Mapping[str, str]
    entity: str = "customer"
    requires: Sequence[str] = ()
    purpose: str = ""
    review_by: str = ""


@dataclass(frozen=True)
class Example:
    """One row for the examples of a segment."""

    given: Mapping[str, str]  # values as Jinja writes them
    given_account: Mapping[str, str] = field(default_factory=dict)
    is_member: bool = False


def segment_types(project: Path = PROJECT_DIR) -> list[str]:
    """The types that segment_types() lists."""
    jinja = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=True)
    [listed] = jinja.parse((project / TYPES).read_text()).find_all(nodes.List)
    return [str(value) for value in listed.as_const()]


def check_id(segment_id: str, project: Path = PROJECT_DIR) -> str:
    """The id. Raises UsageError when it is not snake_case or a segment has it."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", segment_id):
        raise UsageError(
            f"The id is '{segment_id}'. It takes snake_case: small letters, digits and single "
            "underscores, such as power_users_on_team."
        )
    existing = segment_files(project).get(segment_id)
    if existing:
        raise UsageError(
            f"There is a segment '{segment_id}' already: {existing.relative_to(project)}."
        )
    return segment_id


def check_type(name: str, project: Path = PROJECT_DIR) -> str:
    """The type. Raises UsageError, listing the types, when it is not one."""
    return _one_of("type", name, segment_types(project))


def check_entity(name: str) -> str:
    """The entity. Raises UsageError when it is not one."""
    return _one_of("entity", name, ENTITIES)


def check_owner(address: str) -> str:
    """The owner. Raises UsageError when it is no e-mail address."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address):
        raise UsageError(
            f"The owner is '{address}'. It takes the e-mail address of a team or person."
        )
    return address


def check_review_by(text: str, today: date) -> str:
    """The review date. Raises UsageError when it is no date or not in the future."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"The review date is '{text}'. It takes a date such as {today.year + 1}-06-30."
        ) from error
    if day <= today:
        raise UsageError(f"The review date is {text}, which is not in the future.")
    return day.isoformat()


def check_domains(text: str) -> list[str]:
    """The domains of a comma-separated list. Raises UsageError for an unknown one."""
    domains = [domain.strip() for domain in text.split(",") if domain.strip()]
    return [_one_of("domain", domain, DOMAINS) for domain in domains]


def parse_condition(text: str) -> tuple[str, str]:
    """Name and SQL of a condition as a person types it, `name: SQL`.

    Raises UsageError when either is missing.
    """
    name, colon, sql = text.partition(":")
    if not (colon and name.strip() and sql.strip()):
        raise UsageError(
            f"The condition is '{text}'. It takes a name and SQL, such as "
            "'pays at least 200 a month: c.mrr >= 200'."
        )
    return name.strip(), sql.strip()


def write_segment(draft: Draft, project: Path = PROJECT_DIR) -> Path:
    """Writes the file of a segment whose rule dbt can compile and whose examples hold.

    The examples are rows at the edges of the conditions that are simple comparisons, and one
    without values, each with the answer that the rule itself gives on DuckDB. Nothing else is
    opened or written. Raises UsageError, with no file left, when the rule does not compile.
    """
    path = project / SEGMENTS / draft.type / f"{draft.segment_id}.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    helpers = {helper.stem for helper in (project / HELPERS).glob("*.sql")}
    examples = proposed_examples(draft)
    try:
        path.write_text(segment_text(draft, examples, helpers))
        answers = _answers(draft)
        judged = [
            Example(example.given, example.given_account, answer)
            for example, answer in zip(examples, answers, strict=True)
        ]
        path.write_text(segment_text(draft, judged, helpers))
    except BaseException:
        path.unlink()
        raise
    return path


def segment_text(draft: Draft, examples: Sequence[Example], helpers: set[str]) -> str:
    """The text of the file."""
    lines = [
        f"{{% macro segment__{draft.segment_id}() %}}",
        "    {{- return(segment(",
        f"        label={_quoted(draft.label)},",
        f"        description={_quoted(draft.description)},",
        f"        type={_quoted(draft.type)},",
    ]
    if draft.entity != "customer":
        lines.append(f"        entity={_quoted(draft.entity)},")
    lines.append(f"        owner={_quoted(draft.owner)},")
    if draft.requires:
        lines.append(f"        requires=[{', '.join(_quoted(one) for one in draft.requires)}],")
    lines.append("        conditions={")
    for name, sql in draft.conditions.items():
        lines.append(f"            {_quoted(name)}: {_sql(sql, helpers)},")
    lines.append("        },")
    if draft.purpose:
        lines.append(f"        purpose={_quoted(draft.purpose)},")
    if draft.review_by:
        lines.append(f"        review_by={_quoted(draft.review_by)},")
    lines.append("        examples=[")
    for example in examples:
        parts = [f"'given': {_row(example.given)}"]
        if example.given_account:
            parts.append(f"'given_account': {_row(example.given_account)}")
        parts.append(f"'member': {'true' if example.is_member else 'false'}")
        lines.append(f"            {{{', '.join(parts)}}},")
    lines += ["        ],", "    )) -}}", "{% endmacro %}", ""]
    return "\n".join(lines)


def proposed_examples(draft: Draft) -> list[Example]:
    """Rows worth an answer: all simple conditions at their edge, each in turn just beyond."""
    own = draft.entity[0]
    inside: dict[tuple[str, str], str] = {}
    beyond: list[tuple[tuple[str, str], str]] = []
    for sql in draft.conditions.values():
        comparison = COMPARISON.fullmatch(sql.strip())
        if comparison:
            column = (comparison["alias"], comparison["column"])
            there, outside = _edge(comparison["operator"], comparison["value"])
            inside[column] = there
            beyond.append((column, outside))
        window = WINDOW.fullmatch(sql.strip())
        if window:
            column = (window["alias"], window["column"])
            inside[column] = "days_ago(0)"
            beyond.append((column, f"days_ago({window['days']})"))
    rows = [inside] if inside else []
    rows += [{**inside, column: value} for column, value in beyond]
    rows.append({})
    return [
        Example(
            {column: value for (alias, column), value in row.items() if alias == own},
            {column: value for (alias, column), value in row.items() if alias != own},
        )
        for row in rows
    ]


def _edge(operator: str, value: str) -> tuple[str, str]:
    """A value on the edge for which the comparison holds, and the next for which it does not."""
    if value in ("true", "false"):
        return value, "false" if value == "true" else "true"
    if value.startswith("'"):
        return value, "'something else'"
    decimals = len(value.partition(".")[2])

    def moved(by: int) -> str:
        return f"{float(value) + by / 10**decimals:.{decimals}f}"

    return {
        ">=": (value, moved(-1)),
        "<=": (value, moved(1)),
        ">": (moved(1), value),
        "<": (moved(-1), value),
        "=": (value, moved(1)),
    }[operator]


def _answers(draft: Draft) -> list[bool]:
    """What the rule of the written file says to each of its examples, on an empty DuckDB."""
    with tempfile.TemporaryDirectory() as folder, _duckdb_at(Path(folder) / "check.duckdb") as file:
        dbt = Dbt("duckdb", {"strata_sources": parse_sources(None)})
        [sql] = dbt.compiled(["segment_examples"]).values()
        try:
            with duckdb_engine(file).connect() as connection:
                answers: Any = connection.exec_driver_sql(
                    f"select actual from (\n{sql}\n) as examples "
                    f"where segment_id = '{draft.segment_id}' order by example"
                ).scalars()
                return [bool(answer) for answer in answers]
        except DBAPIError as error:
            said = str(error.orig).strip().splitlines()
            raise UsageError(
                "The conditions are no SQL that can be run over an example: "
                + "; ".join(f"{name}: {sql}" for name, sql in draft.conditions.items())
                + "\n"
                + "\n".join(line for line in said if line.strip())
            ) from error


@contextmanager
def _duckdb_at(path: Path) -> Iterator[Path]:
    """Lets the target `duckdb` of profiles.yml be another file for a while."""
    before = os.environ["STRATA_DUCKDB_PATH"]
    os.environ["STRATA_DUCKDB_PATH"] = str(path)
    try:
        yield path
    finally:
        os.environ["STRATA_DUCKDB_PATH"] = before


def _one_of(what: str, name: str, accepted: Sequence[str]) -> str:
    if name not in accepted:
        raise UsageError(f"The {what} is '{name}'. Accepted: {', '.join(accepted)}.")
    return name


def _quoted(text: str) -> str:
    """A text as a Jinja literal, with the quotes that need no backslash if there are such."""
    escaped = text.replace("\\", "\\\\")
    if "'" in escaped and '"' not in escaped:
        return f'"{escaped}"'
    return "'" + escaped.replace("'", "\\'") + "'"


def _sql(sql: str, helpers: set[str]) -> str:
    """SQL as a Jinja literal, or as it is if it calls a rule helper."""
    called = re.match(r"(\w+)\(", sql)
    return sql if called and called[1] in helpers else _quoted(sql)


def _row(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"'{column}': {value}" for column, value in values.items()) + "}"
