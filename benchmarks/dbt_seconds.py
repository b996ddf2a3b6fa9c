"""dbt, with the elapsed and CPU seconds of each model: `python -m benchmarks.dbt_seconds FILE ...`.

What follows FILE are dbt's arguments; models must run one after the other (`--threads 1`). CPU
seconds are those of all threads, and leave out what other programs of the machine took.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner


def main(file: str, *arguments: str) -> int:
    """Runs dbt and writes {model: [elapsed, CPU]} to the file; returns dbt's exit code."""
    started: dict[str, tuple[float, float]] = {}
    seconds: dict[str, tuple[float, float]] = {}

    def note(event: Any) -> None:
        if event.info.name not in ("NodeStart", "NodeFinished"):
            return
        name, now = event.data.node_info.node_name, (time.monotonic(), time.process_time())
        if event.info.name == "NodeStart":
            started[name] = now
        else:
            seconds[name] = (now[0] - started[name][0], now[1] - started[name][1])

    outcome = dbtRunner(callbacks=[note]).invoke(list(arguments))
    Path(file).write_text(json.dumps(seconds))
    return 0 if outcome.success else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
