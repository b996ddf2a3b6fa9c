"""The checks in their order, each of which may fail without keeping the others from running."""

from collections.abc import Callable, Iterator, Mapping

from orchestration.doctor import installed, project, sources, state, warehouse
from orchestration.doctor.result import Installation, NotLookedAt, Result, failed, warning
from orchestration.errors import StrataError

Check = Callable[[Installation], Iterator[Result]]

CHECKS: Mapping[str, Check] = {
    "versions": installed.versions,
    "settings": project.settings,
    "profile": warehouse.profile,
    "adapter": installed.adapter,
    "project": project.models,
    "syncs": project.syncs,
    "credentials": project.credentials,
    "credentials alerts": project.alerts,
    "warehouse": warehouse.opens,
    "disk": warehouse.disk,
    "permissions": warehouse.permissions,
    "clocks": warehouse.clocks,
    "sources": sources.sources,
    "state": state.state,
    "traces": installed.traces,
    "Dagster": installed.dagster,
}


def examine(target: str | None, checks: Mapping[str, Check] = CHECKS) -> list[Result]:
    """Every check's results, in the order of the checks; changes nothing but dbt's parsed files."""
    found = Installation(target)
    results: list[Result] = []
    for name, look in checks.items():
        try:
            results += look(found)
        except NotLookedAt as absent:
            results.append(warning(name, f"not looked at: {absent}", "See above."))
        except StrataError as error:
            results.append(failed(name, str(error), "Correct it as it says."))
        except Exception as error:
            said = " ".join(str(error).split())[:500]
            results.append(
                failed(name, f"{type(error).__name__}: {said}", "The check itself failed.")
            )
    return results
