"""Makes the demo company: `python -m orchestration.demo.generate --people 2000 --out seeds/demo`.

CSV files named `<system>__<table>.csv` for the committed demo, or with `--format parquet` a folder
for each table with one part for each 20,000 people, made by as many processes as `--jobs` says.
The same seed and the same size give the same bytes, whatever the number of processes.
"""

import argparse
import gzip
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from orchestration.demo import truth, write
from orchestration.demo.columns import Table
from orchestration.demo.company import CHUNK, populate
from orchestration.demo.hubspot import keep_relations
from orchestration.demo.segment import track
from orchestration.demo.stripe import bill
from orchestration.demo.survey import ask
from orchestration.demo.zendesk import support
from orchestration.errors import UsageError

DEMO_PEOPLE = 2_000
DEMO_SEED = 7
DEMO_EVENTS = 9.0  # for each person on average: what keeps the committed files under 5 MB
BENCHMARK_EVENTS = 60.0
SYSTEMS = ("hubspot", "stripe", "segment", "zendesk", "generic")


@dataclass(frozen=True)
class Order:
    """One chunk to make."""

    seed: int
    chunk: int
    people: int
    events_per_person: float


@dataclass(frozen=True)
class Made:
    """A chunk: tables named `<system>__<table>`, and its rows of the hidden truth."""

    tables: dict[str, Table]
    truth: Table


def orders(people: int, seed: int, events_per_person: float) -> list[Order]:
    """The chunks that make up a company of this size."""
    sizes = [min(CHUNK, people - start) for start in range(0, people, CHUNK)]
    return [Order(seed, chunk, size, events_per_person) for chunk, size in enumerate(sizes)]


def make(order: Order) -> Made:
    """One chunk, in memory."""
    population = populate(order.seed, order.chunk, order.people)
    billing = bill(population, order.seed)
    events = track(population, billing, order.seed, order.events_per_person)
    crm = keep_relations(population, billing, order.seed)
    tickets = support(population, order.seed)
    generic = ask(population, crm, tickets, order.seed)
    by_system = {
        "hubspot": crm.tables,
        "stripe": billing.tables,
        "segment": events.tables,
        "zendesk": tickets.tables,
        "generic": generic,
    }
    tables = {
        f"{system}__{name}": table
        for system in SYSTEMS
        for name, table in by_system[system].items()
    }
    return Made(tables, truth.tell(population, billing, events, crm, tickets))


def generate(
    people: int = DEMO_PEOPLE,
    out: Path = Path("seeds/demo"),
    *,
    file_format: str = "csv",
    seed: int = DEMO_SEED,
    events_per_person: float | None = None,
    truth_file: Path | None = None,
    jobs: int = 1,
) -> None:
    """Writes the raw tables of all systems below `out`, and the hidden truth if a file is named.

    Raises UsageError for a size, a format or a density that cannot be made.
    """
    if people < 50:
        raise UsageError(f"--people is {people}; the smallest company that can be made has 50")
    if file_format not in ("csv", "parquet"):
        raise UsageError(f"--format is {file_format!r}; accepted are csv and parquet")
    if file_format == "csv" and people > CHUNK:
        raise UsageError(f"--format csv is for at most {CHUNK:,} people; use --format parquet")
    default = DEMO_EVENTS if file_format == "csv" else BENCHMARK_EVENTS
    density = default if events_per_person is None else events_per_person
    if not 1 <= density <= 1_000:
        raise UsageError(f"--events-per-person is {density:g}; accepted is 1 to 1000")
    out.mkdir(parents=True, exist_ok=True)
    work = [(order, out, file_format) for order in orders(people, seed, density)]
    pieces = _in_turn(work, jobs)
    if truth_file is None:
        for _ in pieces:
            pass
        return
    truth_file.parent.mkdir(parents=True, exist_ok=True)
    with (
        truth_file.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
    ):
        for position, piece in enumerate(pieces):
            packed.write(piece if position == 0 else piece.partition(b"\n")[2])


def _in_turn(work: list[tuple[Order, Path, str]], jobs: int) -> Iterator[bytes]:
    """The truth of each chunk, in order, as the chunks get written."""
    if jobs <= 1 or len(work) == 1:
        yield from map(_write_chunk, work)
        return
    # Started afresh, so that no process inherits memory; recycled, so that none grows.
    with get_context("spawn").Pool(jobs, maxtasksperchild=8) as pool:
        yield from pool.imap(_write_chunk, work)


def _write_chunk(work: tuple[Order, Path, str]) -> bytes:
    order, out, file_format = work
    made = make(order)
    for name, table in made.tables.items():
        if file_format == "csv":
            write.write_csv(table, out / f"{name}.csv")
        else:
            folder = out / name
            folder.mkdir(exist_ok=True)
            write.write_parquet(table, folder / f"part-{order.chunk:05d}.parquet")
    return write.csv_bytes(made.truth)


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m orchestration.demo.generate", description=__doc__
    )
    parser.add_argument("--people", type=int, default=DEMO_PEOPLE)
    parser.add_argument("--out", type=Path, default=Path("seeds/demo"))
    parser.add_argument("--format", dest="file_format", default="csv", help="csv or parquet")
    parser.add_argument("--seed", type=int, default=DEMO_SEED)
    parser.add_argument("--events-per-person", type=float, help="default 9 for csv, 60 for parquet")
    parser.add_argument("--truth", type=Path, help="gzipped CSV of the hidden truth, for tests")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args(arguments)
    try:
        generate(
            options.people,
            options.out,
            file_format=options.file_format,
            seed=options.seed,
            events_per_person=options.events_per_person,
            truth_file=options.truth,
            jobs=options.jobs,
        )
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
