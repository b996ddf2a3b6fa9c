"""What the segment tools cost at two numbers of customers: seconds and memory of each command.

A mode of benchmarks.segments: `--tools`. Each command runs as a process of its own, as a person
runs it, on a warehouse that was refreshed twice.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import duckdb
import yaml
from rich.table import Table

from benchmarks.segments import (
    EVALUATE,
    FIRST,
    NO_SOURCES,
    PUBLISH,
    Rule,
    change,
    out,
    prepare,
    run_command,
    run_dbt,
)

# So little that what a command holds beside DuckDB's own buffers shows.
MEMORY = "1GB"
# Edited in the working tree: what preview and diff look at.
EDITED = "made_up_050"


def compare_tools(folder: Path, rules: Mapping[str, Rule], sizes: Sequence[int]) -> None:
    """Prints seconds and peak memory of every command at each number of customers."""
    measured = {
        size: measure_tools(folder / f"tools_{size}", rules, size) for size in dict.fromkeys(sizes)
    }
    table = Table(
        title=f"Seconds and peak memory of a command (DuckDB may use {MEMORY})",
        title_justify="left",
    )
    table.add_column("strata ...", no_wrap=True)
    for size in measured:
        table.add_column(f"{size:,} customers", justify="right")
    for command in next(iter(measured.values())):
        table.add_row(
            command,
            *(
                f"{seconds:.1f} s  {mebibytes:,.0f} MB"
                for seconds, mebibytes in (found[command] for found in measured.values())
            ),
        )
    out.print(table)


def measure_tools(
    folder: Path, rules: Mapping[str, Rule], customers: int
) -> dict[str, tuple[float, float]]:
    """Seconds and peak resident memory, in MB, by command."""
    warehouse = folder / "strata.duckdb"
    project, *_ = prepare(folder, rules, customers, warehouse)
    change(warehouse, 0.01, 1)
    run_dbt(project, warehouse, FIRST + timedelta(hours=1), *EVALUATE, *PUBLISH)
    _make_repository(project)
    _edit(project, rules)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        [(left,)] = connection.execute(
            "select min(entity_id) from segments.segment_membership_history "
            f"where segment_id = '{EDITED}' and exit_reason = 'condition_no_longer_met'"
        ).fetchall()
    reason = ["--reason", "benchmark", "--by", "benchmark@strata.example"]
    commands = {
        "segments": ["segments"],
        "preview ID": ["preview", EDITED],
        "diff": ["diff", "--base", "HEAD"],
        "explain ID ENTITY": ["explain", EDITED, left],
        "explain ID ENTITY --as-of": ["explain", EDITED, left, "--as-of", f"{FIRST}"],
        "why-left ID ENTITY": ["why-left", EDITED, left],
        "hold ID": ["hold", EDITED, *reason],
        "release ID": ["release", EDITED, *reason],
        "new segment": [
            "new", "segment", "--label", "Large and busy", "--description", "Of the benchmark.",
            "--type", "behavioural", "--owner", "benchmark@strata.example",
            "--condition", "large: c.mrr >= 200", "--condition", "busy: c.session_count > 100",
        ],
    }  # fmt: skip
    return {name: _run(project, warehouse, command) for name, command in commands.items()}


def _run(project: Path, warehouse: Path, command: Sequence[str]) -> tuple[float, float]:
    return run_command(
        [sys.executable, "-m", "orchestration.cli", *command],
        project,
        {
            "PYTHONPATH": str(project),
            "STRATA_DUCKDB_PATH": str(warehouse),
            "DBT_TARGET_PATH": str(warehouse.parent / "target"),
            "DBT_LOG_PATH": str(warehouse.parent / "logs"),
        },
    )


def _make_repository(project: Path) -> None:
    """A git repository of the project as it was published, and settings for little memory."""
    for name in ("profiles.yml", "dbt_project.yml"):
        settings = yaml.safe_load((project / name).read_text())
        if name == "profiles.yml":
            settings["strata"]["outputs"]["duckdb"]["settings"]["memory_limit"] = MEMORY
        else:
            settings["vars"] |= {"strata_sources": NO_SOURCES, "demo_data": False}
        (project / name).write_text(yaml.safe_dump(settings))
    who = ["-c", "user.name=Benchmark", "-c", "user.email=benchmark@strata.example"]
    for arguments in (["init", "--quiet"], ["add", "-A"], ["commit", "--quiet", "-m", "published"]):
        subprocess.run(["git", "-C", project, *who, *arguments], check=True)  # noqa: S603, S607


def _edit(project: Path, rules: Mapping[str, Rule]) -> None:
    """Loosens the first condition of a segment: half of the number it compares with."""
    first = rules[EDITED].conditions["first"]
    column, operator, number = first.split(" ")
    path = project / "macros" / "segments" / "behavioural" / f"{EDITED}.sql"
    path.write_text(path.read_text().replace(first, f"{column} {operator} {float(number) / 2:.2f}"))
