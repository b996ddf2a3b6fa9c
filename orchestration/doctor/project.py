"""What the project's own files say: settings, models, syncs, and the secrets that they name."""

import difflib
import re
from collections.abc import Iterator, Mapping
from contextlib import closing

from orchestration import unchanged
from orchestration.activation.exposures import load_syncs
from orchestration.activation.runner import connect, utc_now
from orchestration.dbt import Dbt
from orchestration.destinations.secrets import from_environment
from orchestration.doctor.result import Installation, Result, failed, ok, some, warning
from orchestration.errors import StrataError
from orchestration.project import PROJECT_DIR, default_instant, parse_sources, project_vars
from orchestration.refresh import drift_bounds

SETTINGS = "dbt_project.yml"
_VAR = re.compile(r"""\bvar\(\s*['"](\w+)""")
_READS = {
    ".sql": _VAR,
    ".yml": _VAR,
    ".py": re.compile(r"""project_vars\(\)(?:\.get\(|\[)['"](\w+)"""),
}
"""How the variables are read, by the ending of a file."""


def settings(_: Installation) -> Iterator[Result]:
    """The variables of dbt_project.yml: readable, of the right shape, and each read by somebody."""
    given = project_vars()
    drift_bounds()
    unchanged.longest()
    default_instant()
    if unknown := _unread(given):
        yield warning("settings", f"{SETTINGS} sets {some(unknown)}", "Correct the name.")
    if given.get("demo_data", True):
        if not given.get("as_of"):
            yield warning(
                "settings",
                f"demo_data is true and as_of is not set in {SETTINGS}: the demo company's data "
                "ends on 2026-07-01",
                "With your own data set `demo_data: false`; for the demo set as_of.",
            )
    elif given.get("as_of"):
        yield warning(
            "settings",
            f"as_of is {given['as_of']} in {SETTINGS}, and demo_data is false: runs that are "
            "given no instant evaluate that one for ever",
            "Set `as_of: null`.",
        )
    yield ok("settings", f"{SETTINGS} has {len(given)} variables")


def _unread(given: Mapping[str, object]) -> list[str]:
    """Variables that no model, macro or module reads, with the name that was probably meant."""
    read = {
        name
        for folder in ("models", "macros", "orchestration", "expectations")
        for path in (PROJECT_DIR / folder).rglob("*")
        if path.suffix in _READS
        for name in _READS[path.suffix].findall(path.read_text())
    }
    unread = []
    for name in given:
        if name not in read:
            near = difflib.get_close_matches(name, sorted(read), n=1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            unread.append(f"{name}, which nothing reads{meant}")
    return unread


def models(found: Installation) -> Iterator[Result]:
    """The project parses for the chosen systems; what dbt parsed before is used again."""
    chosen = parse_sources(None)
    found.manifest = Dbt(found.profile.target_name, {"strata_sources": chosen}).manifest_dict()
    systems = ", ".join(f"{domain} from {system}" for domain, system in chosen.items())
    yield ok("project", f"it parses: {systems}")


def syncs(found: Installation) -> Iterator[Result]:
    """The exposures that are syncs say all they must."""
    try:
        found.syncs = load_syncs(found.manifest)
    except StrataError as error:
        for line in str(error).splitlines():
            yield failed("syncs", line, "Correct the exposure (docs/audiences.md).")
        return
    yield ok("syncs", some([sync.name for sync in found.syncs], 20) or "none")


def credentials(found: Installation) -> Iterator[Result]:
    """Every sync has the secrets that its settings name. Clients are made and nothing is sent."""
    for sync in found.syncs:
        check = f"credentials {sync.name}"
        try:
            with closing(connect(sync, utc_now)):
                yield ok(check, f"all that the destination {sync.destination} needs is set")
        except StrataError as error:
            yield failed(
                check,
                str(error),
                f"Set it where Strata runs (docs/destinations/{sync.destination}.md).",
            )


def alerts(_: Installation) -> Iterator[Result]:
    """The environment variables that the variable `alerts` names."""
    for place, name in _named(project_vars().get("alerts"), "alerts"):
        try:
            from_environment(name, f"value of {place}")
        except StrataError as error:
            yield failed("credentials alerts", f"{place}: {error}", "Set it where Strata runs.")
        else:
            yield ok("credentials alerts", f"{place}: {name} is set")


def _named(value: object, place: str) -> Iterator[tuple[str, str]]:
    """Each setting whose name ends in `_env`, with the variable that it names."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            here = f"{place}.{key}"
            if str(key).endswith("_env") and isinstance(inner, str):
                yield here, inner
            else:
                yield from _named(inner, here)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _named(inner, f"{place}[{position}]")
