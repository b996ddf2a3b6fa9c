"""The index of Data Docs, and what became of each segment on its page.

Every page has a file of the same name beside it with what the index says about it. So pages that
are written at different times, those of an audit and those of the syncs that follow, are in one
index, and a verdict gets onto its page without the library that rendered it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import jinja2

_TEMPLATES = Path(__file__).parent / "templates"
_VERDICT = ("<!-- verdict -->", "<!-- end -->")  # in strata_page.j2


@dataclass(frozen=True)
class Failure:
    """One failed check as the index shows it."""

    title: str
    column: str
    expected: str
    found: str


@dataclass(frozen=True)
class Entry:
    """What the index says about one page. `part` is what wrote it: audit or sync."""

    name: str
    part: str
    title: str
    description: str
    segment_id: str | None
    run_id: str
    as_of: str
    check_count: int
    failures: tuple[Failure, ...]
    verdict: str | None = None
    reasons: str = ""

    @property
    def href(self) -> str:
        """Its page, from the index."""
        return f"suites/{self.name}.html"


def docs_page(docs_dir: Path, suite: str) -> Path:
    """The page of a suite, the same in every run, whether or not it was written yet."""
    return docs_dir / "suites" / f"{suite}.html"


def write_index(docs_dir: Path, entries: Iterable[Entry] = (), *, whole: str | None = None) -> Path:
    """Take in entries and write the index; return it. Pages that read it are never half there.

    With `whole`, the entries are all of that part: pages of it that they do not name are removed.
    """
    given = {entry.name: entry for entry in entries}
    for entry in given.values():
        write_page(_file(docs_dir, entry.name), json.dumps(asdict(entry)))
    known = _entries(docs_dir)
    for entry in known:
        if entry.part == whole and entry.name not in given:
            docs_page(docs_dir, entry.name).unlink(missing_ok=True)
            _file(docs_dir, entry.name).unlink()
    shown = [entry for entry in known if entry.part != whole or entry.name in given]
    audited = [entry for entry in shown if entry.part == "audit"]
    index = docs_dir / "index.html"
    write_page(
        index,
        environment()
        .get_template("strata_index.j2")
        .render(
            segments=[entry for entry in shown if entry.segment_id and entry.part == "audit"],
            relations=[entry for entry in audited if not entry.segment_id],
            audiences=[entry for entry in shown if entry.part != "audit"],
            failures=[failure for entry in shown for failure in entry.failures],
            held=[entry for entry in audited if entry.verdict == "hold"],
            run=(audited or shown)[0] if shown else None,
        ),
    )
    return index


def write_verdicts(docs_dir: Path, run_id: str, verdicts: Mapping[str, tuple[str, str]]) -> None:
    """Say on the pages of that run what became of each segment: its verdict and the reasons."""
    judged = []
    for entry in _entries(docs_dir):
        if entry.run_id == run_id and (found := verdicts.get(entry.segment_id or "")):
            verdict, reasons = found
            judged.append(replace(entry, verdict=verdict, reasons=reasons))
    template = environment().get_template("strata_verdict.j2")
    for entry in judged:
        page = docs_page(docs_dir, entry.name)
        before, mark, rest = page.read_text().partition(_VERDICT[0])
        after = rest[rest.index(_VERDICT[1]) :]
        write_page(page, before + mark + template.render(entry=entry) + after)
    if judged:
        write_index(docs_dir, judged)


def write_page(page: Path, text: str) -> None:
    """Replace a file in one step: somebody may be reading it."""
    page.parent.mkdir(parents=True, exist_ok=True)
    draft = page.with_suffix(f"{page.suffix}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(page)


@cache
def environment() -> jinja2.Environment:
    """The templates of the frame around results, which escape what they are given."""
    return jinja2.Environment(loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True)


def _file(docs_dir: Path, name: str) -> Path:
    return docs_page(docs_dir, name).with_suffix(".json")


def _entries(docs_dir: Path) -> Sequence[Entry]:
    found = []
    for file in sorted(docs_page(docs_dir, "").parent.glob("*.json")):
        given = json.loads(file.read_text())
        failures = tuple(Failure(**failure) for failure in given.pop("failures"))
        found.append(Entry(**given, failures=failures))
    return found
