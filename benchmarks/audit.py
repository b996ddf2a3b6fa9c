"""What auditing adds to an hourly refresh, and whether its memory grows with the customers.

    .venv/bin/python -m benchmarks.audit --people 200000

Generates the demo company at half that size and at that size, refreshes it twice as `strata
refresh` does, an hour of changes between, and prints the seconds of the second refresh's steps, the
ratio of the audit to the rest, and the most memory that Python held during an audit of each size.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from benchmarks.incremental import FIRST, PROJECT_DIR, SECOND, land, land_increment, out

TARGET = 0.25
STEPS = ("writing candidates", "auditing", "publishing")
# The audit of the last run again, in a process of its own: what it holds beside the library.
MEMORY = """
import json, sys, tracemalloc
from datetime import datetime
from pathlib import Path
import sqlalchemy as sa
import great_expectations
from expectations.audit import audit
from expectations.suites import DriftBounds, IdentityBounds
from orchestration.warehouse import engine

tracemalloc.start()
report = audit(
    engine("duckdb"), run_id="memory", as_of=datetime.fromisoformat(sys.argv[1]),
    docs_dir=Path(sys.argv[2]), drift=DriftBounds(), identity=IdentityBounds(),
)
print(json.dumps([tracemalloc.get_traced_memory()[1], report.expectation_count]))
"""


@dataclass(frozen=True)
class Audited:
    """A refresh in seconds of its steps, and the audit in bytes and expectations."""

    people: int
    seconds: dict[str, float]
    python_bytes: int
    expectations: int

    @property
    def ratio(self) -> float:
        """The audit's seconds by those of the other steps."""
        others = sum(self.seconds[step] for step in STEPS if step != "auditing")
        return self.seconds["auditing"] / others


def measure(folder: Path, people: int, events_per_person: float) -> Audited:
    """Generate, refresh, land an hour, refresh again, audit again."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(  # noqa: S603 - the project's own generator
        [
            sys.executable, "-m", "orchestration.demo.generate", "--format", "parquet",
            "--people", str(people), "--jobs", "2",
            "--events-per-person", str(events_per_person), "--out", str(folder / "parquet"),
        ],
        cwd=PROJECT_DIR,
        check=True,
    )  # fmt: skip
    warehouse = folder / "strata.duckdb"
    land(folder / "parquet", warehouse)
    environment = {
        **os.environ,
        "STRATA_DUCKDB_PATH": str(warehouse),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }

    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(  # noqa: S603 - the project's own commands
            [sys.executable, *arguments],
            cwd=PROJECT_DIR,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(done.stdout[-4000:] + done.stderr)
        return done

    refresh = ("-m", "orchestration.cli", "refresh", "--as-of")
    python(*refresh, FIRST)
    land_increment(warehouse)
    said = python(*refresh, SECOND).stderr
    seconds = {
        step: float(found[1])
        for step in STEPS
        if (found := re.search(rf"{step} \(([\d.]+) s", said))
    }
    held = json.loads(python("-c", MEMORY, SECOND, str(folder / "docs")).stdout.splitlines()[-1])
    return Audited(people, seconds, *held)


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit code: 1 when the audit is over its target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    parser.add_argument("--people", type=int, default=200_000)
    parser.add_argument("--events-per-person", type=float, default=60)
    parser.add_argument("--folder", type=Path, default=PROJECT_DIR / "target" / "benchmark")
    options = parser.parse_args(arguments)
    table = Table(title="Seconds of an hourly refresh", title_justify="left")
    for name in ("people", *STEPS, "audit / the rest", "Python, MB", "expectations"):
        table.add_column(name, justify="right")
    found = []
    for people in (options.people // 2, options.people):
        out.print(f"{people:,} people", highlight=False)
        folder = options.folder.resolve() / f"audit-{people}"
        one = measure(folder, people, options.events_per_person)
        found.append(one)
        table.add_row(
            f"{people:,}",
            *(f"{one.seconds[step]:.1f}" for step in STEPS),
            f"{one.ratio:.0%}",
            f"{one.python_bytes / 1e6:.1f}",
            str(one.expectations),
        )
    out.print(table)
    return 0 if found[-1].ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
