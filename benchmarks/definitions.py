"""What Dagster's definitions cost to load, beside the imports that they cannot do without.

`make benchmark-definitions`. CPU seconds of fresh processes, one of each in turn: Dagster's own
imports (dagster, dagster-dbt, and SQLAlchemy, with which it keeps runs), then the definitions, with
the project parsed before, as every process after the first finds it.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

PROJECT = Path(__file__).resolve().parent.parent
DAGSTER = "import dagster, dagster_dbt, sqlalchemy"
DEFINITIONS = f"{DAGSTER}, orchestration.definitions"


def cpu_seconds(code: str, warehouse: Path) -> float:
    """User and system seconds of a process that runs the code, where there is no warehouse."""
    before = os.times()
    subprocess.run(  # noqa: S603  # the code is of this file
        [sys.executable, "-c", code],
        env=os.environ | {"STRATA_DUCKDB_PATH": str(warehouse)}, cwd=PROJECT, check=True,
    )  # fmt: skip
    after = os.times()
    return sum(
        now - then
        for now, then in zip(after[2:4], before[2:4], strict=True)  # of children
    )


def main() -> None:
    """Prints the medians, their difference and their ratio."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=7)
    rounds: int = options.parse_args().rounds
    with TemporaryDirectory() as folder:
        nowhere = Path(folder) / "strata.duckdb"
        cpu_seconds(DEFINITIONS, nowhere)  # parses the project
        own, all_of_it = [], []
        for _ in range(rounds):
            own.append(cpu_seconds(DAGSTER, nowhere))
            all_of_it.append(cpu_seconds(DEFINITIONS, nowhere))
        if nowhere.exists():
            sys.exit("loading the definitions made a warehouse")
    dagster, definitions = statistics.median(own), statistics.median(all_of_it)
    sys.stdout.write(
        f"Dagster's imports  {dagster:.2f} s\n"
        f"with definitions   {definitions:.2f} s\n"
        f"beyond Dagster     {definitions - dagster:.2f} s (target 1), "
        f"{definitions / dagster:.2f} times, median of {rounds}\n"
    )


if __name__ == "__main__":
    main()
