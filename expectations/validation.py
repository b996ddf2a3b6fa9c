"""Runs suites with Great Expectations, in the warehouse, in few queries."""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from great_expectations.core import ExpectationSuite
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.datasource.fluent.interfaces import Batch
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    Expectation,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations import audiences, custom  # noqa: F401 - importing them registers theirs
from expectations.datasource import Warehouse
from expectations.results import Outcome
from expectations.suites import Check, Suite

# Unexpected values shown of a failed column check.
_EXAMPLE_COUNT = 5

Validated = tuple[Outcome, ExpectationValidationResult]


def validate(connection: sa.Connection, suites: Sequence[Suite]) -> Iterator[list[Validated]]:
    """Validate the suites, one relation after another; yield the results of each relation.

    Suites of one relation must be neighbours: they share their queries. Everything that goes
    wrong with a check is its outcome, a failed one; nothing is raised for it.
    """
    warehouse = Warehouse(connection)
    try:
        for _, group in groupby(suites, key=lambda suite: suite.relation):
            yield _validate_relation(warehouse, list(group))
    finally:
        warehouse.close()


def _validate_relation(warehouse: Warehouse, suites: Sequence[Suite]) -> list[Validated]:
    started = time.perf_counter()
    executed_at = datetime.now(UTC)
    checks = [(suite, check) for suite in suites for check in suite.checks]
    results = _results(warehouse, suites[0], [check for _, check in checks])
    share = (time.perf_counter() - started) / max(len(checks), 1)
    return [
        (_outcome(suite, check, result, share, executed_at), result)
        for (suite, check), result in zip(checks, results, strict=True)
    ]


def _results(
    warehouse: Warehouse, suite: Suite, checks: Sequence[Check]
) -> list[ExpectationValidationResult]:
    """One result for each check, in their order."""
    configurations = [_configuration(index, check) for index, check in enumerate(checks)]
    results: dict[int, ExpectationValidationResult] = {}
    columns: list[Expectation] = []
    others: list[Expectation] = []
    for index, configuration in enumerate(configurations):
        try:
            expectation = configuration.to_domain_obj()
        except Exception as error:  # the library raises what its arguments raise
            results[index] = _broken(configuration, error)
        else:
            (columns if isinstance(expectation, ColumnMapExpectation) else others).append(
                expectation
            )
    try:
        batch = warehouse.batch(suite.relation)
        results |= _run(batch, others, {"result_format": "BASIC"})
        # For column checks every other format adds a query for the unexpected values, also
        # where there are none: ask for them only where there are.
        results |= _run(batch, columns, {"result_format": "BOOLEAN_ONLY"})
        failed = [e for e in columns if _is_unmet(results.get(_index(e)))]
        results |= _run(
            batch, failed, {"result_format": "BASIC", "partial_unexpected_count": _EXAMPLE_COUNT}
        )
    except Exception as error:  # whatever broke, it must not let the rest count as passed
        for index, configuration in enumerate(configurations):
            results.setdefault(index, _broken(configuration, error))
    for index, configuration in enumerate(configurations):
        results.setdefault(index, _broken(configuration, RuntimeError("it gave no result")))
    return [results[index] for index in range(len(checks))]


def _run(
    batch: Batch, expectations: Iterable[Expectation], result_format: dict[str, Any]
) -> dict[int, ExpectationValidationResult]:
    suite = ExpectationSuite(name="audit", expectations=list(expectations))
    if not suite.expectations:
        return {}
    validated = batch.validate(suite, result_format=result_format)
    return {
        result.expectation_config.meta["check"]: result
        for result in validated.results
        if result.expectation_config is not None
    }


def _configuration(index: int, check: Check) -> ExpectationConfiguration:
    return ExpectationConfiguration(
        type=check.type,
        kwargs=dict(check.kwargs),
        # The library sorts its results its own way: `check` puts them back in order.
        meta={"check": index},
        # Shown on its pages instead of a sentence made from the arguments.
        description=check.expected,
        severity=FailureSeverity(check.severity),
    )


def _index(expectation: Expectation) -> int:
    return int((expectation.meta or {})["check"])


def _is_unmet(result: ExpectationValidationResult | None) -> bool:
    return result is not None and not result.success and _exception_message(result) is None


def _broken(configuration: ExpectationConfiguration, error: Exception) -> Any:
    return ExpectationValidationResult(
        success=False,
        expectation_config=configuration,
        exception_info=_exception_info(f"{type(error).__name__}: {error}"),
    )


def _exception_info(message: str) -> dict[str, Any]:
    return {"raised_exception": True, "exception_message": message, "exception_traceback": ""}


def _outcome(
    suite: Suite,
    check: Check,
    result: ExpectationValidationResult,
    duration_seconds: float,
    executed_at: datetime,
) -> Outcome:
    message = _exception_message(result)
    is_success = bool(result.success) and message is None
    if message is not None:
        # What the page shows of it: without traceback and statement.
        result.exception_info = _exception_info(message)
    if is_success and not result.result:
        # A column check that was only asked for yes or no: yes means that it found nothing.
        result.result = {"unexpected_count": 0, "unexpected_percent": 0.0}
    details = result.result or {}
    return Outcome(
        suite=suite,
        check=check,
        is_success=is_success,
        observed=None if message else _observed(details),
        unexpected_count=None if message else details.get("unexpected_count"),
        exception_message=message,
        duration_seconds=duration_seconds,
        executed_at=executed_at,
        observed_number=None if message else _number(details),
    )


def _number(details: dict[str, Any]) -> float | None:
    """What was observed as a number: as the expectation says it, else rows that break it."""
    observed = details.get("observed_number", details.get("observed_value"))
    if isinstance(observed, int | float) and not isinstance(observed, bool):
        return float(observed)
    unexpected = details.get("unexpected_count")
    return None if unexpected is None else float(unexpected)


def _observed(details: dict[str, Any]) -> str | None:
    observed = details.get("observed_value")
    if observed is not None:
        return f"{observed:,}" if isinstance(observed, int) else str(observed)
    unexpected = details.get("unexpected_count")
    if unexpected is None:
        return None
    if unexpected == 0:
        return "0 unexpected"
    values = details.get("partial_unexpected_list", [])
    examples = dict.fromkeys(str(value) for value in values if value is not None)
    words = f"{unexpected:,} of {details['element_count']:,} unexpected"
    return f"{words}, for example {', '.join(examples)}" if examples else words


def _exception_message(result: ExpectationValidationResult) -> str | None:
    """The message of an expectation that raised, without a traceback; None if it did not raise."""
    info: dict[str, Any] = result.exception_info or {}
    # One flat dictionary, or one for each metric that raised, keyed by the metric.
    infos = [info] if "raised_exception" in info else list(info.values())
    messages = [
        _without_statement(str(_field(each, "exception_message") or "it raised without a message"))
        for each in infos
        if _field(each, "raised_exception")
    ]
    # Several queries of one expectation say the same at different length.
    return min(messages, key=len, default=None)


def _without_statement(message: str) -> str:
    # SQLAlchemy appends the statement and its parameters, which may run to pages.
    return message.partition("\n[SQL:")[0].strip()


def _field(info: Any, name: str) -> Any:
    return info.get(name) if isinstance(info, dict) else getattr(info, name, None)
