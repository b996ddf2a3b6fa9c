"""Data Docs: one static page for each suite and an index, which load nothing from the network.

Great Expectations renders the results. Its own pages take their style and scripts from seven
content networks and have a path with the time of the run in it, so the frame around the results
is ours, and a suite's page keeps its address.
"""

import copy
import html
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import great_expectations
from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view.view import DefaultJinjaPageView
from great_expectations.validator.validation_statistics import calc_validation_statistics

from expectations.docs_index import Entry, Failure, docs_page, write_index, write_page
from expectations.results import Outcome
from expectations.suites import Suite, naive_utc

_TEMPLATES = Path(__file__).parent / "templates"


def write_docs(
    docs_dir: Path,
    validated: Sequence[tuple[Outcome, ExpectationValidationResult]],
    *,
    run_id: str,
    as_of: datetime,
    part: str,
) -> Path:
    """Write the pages of these suites and the index; return the index.

    `part` is what wrote them: the audit, whose pages of suites that are gone are removed, or a
    sync, which has its own page only.
    """
    # `Any` because the library's renderers and views carry no types.
    view: Any = _PageView()
    run = {"run_id": run_id, "as_of": f"{naive_utc(as_of):%Y-%m-%d %H:%M:%S} UTC"}
    entries = []
    for suite, group in groupby(validated, key=lambda pair: pair[0].suite):
        pairs = list(group)
        page = _suite_page(view, suite, [result for _, result in pairs], run)
        write_page(docs_page(docs_dir, suite.name), page)
        outcomes = [outcome for outcome, _ in pairs]
        entries.append(_entry(suite, outcomes, run, part))
    return write_index(docs_dir, entries, whole="audit" if part == "audit" else None)


def _entry(suite: Suite, outcomes: list[Outcome], run: dict[str, str], part: str) -> Entry:
    return Entry(
        name=suite.name,
        part=part,
        title=suite.title,
        description=suite.description,
        segment_id=suite.segment_id,
        check_count=len(outcomes),
        failures=tuple(
            Failure(
                suite.title,
                outcome.check.column_name or "",
                outcome.check.expected,
                outcome.exception_message or outcome.observed or "",
            )
            for outcome in outcomes
            if not outcome.is_success
        ),
        **run,
    )


class _PageView(DefaultJinjaPageView):
    """The library's view with the frame of the page replaced."""

    _template = "strata_page.j2"

    def __init__(self) -> None:
        super().__init__(custom_views_directory=str(_TEMPLATES))


class _ResultsRenderer(ValidationResultsPageRenderer):
    """The library's page without its overview, which links to pages that are not written."""

    def _collect_rendered_document_content_sections(
        self,
        validation_results: Any,
        overview_content_blocks: Any,
        collapse_content_blocks: Any,
        columns: Any,
    ) -> Any:
        sections = super()._collect_rendered_document_content_sections(
            validation_results, overview_content_blocks, collapse_content_blocks, columns
        )
        return sections[1:]


def _suite_page(
    view: Any, suite: Suite, results: list[ExpectationValidationResult], run: dict[str, str]
) -> str:
    renderer: Any = _ResultsRenderer()
    validation = _suite_result(suite, results, run)
    document = renderer.render(validation)
    page: str = view.render(document, suite=suite, run=run, is_success=validation.success)
    return page


def _suite_result(
    suite: Suite, results: list[ExpectationValidationResult], run: dict[str, str]
) -> ExpectationSuiteValidationResult:
    results = [_escaped(result) for result in results]
    statistics = calc_validation_statistics(results)
    return ExpectationSuiteValidationResult(
        results=results,
        success=bool(statistics.success),
        suite_name=suite.name,
        statistics={
            "evaluated_expectations": statistics.evaluated_expectations,
            "successful_expectations": statistics.successful_expectations,
            "unsuccessful_expectations": statistics.unsuccessful_expectations,
            "success_percent": statistics.success_percent,
        },
        meta={
            "run_id": run["run_id"],
            "great_expectations_version": great_expectations.__version__,
        },
    )


def _escaped(result: ExpectationValidationResult) -> ExpectationValidationResult:
    # The library puts observed values on its pages as they are, and they are other people's text.
    copied = copy.copy(result)
    copied.result = _escape(result.result)
    return copied


def _escape(value: Any) -> Any:
    match value:
        case str():
            return html.escape(value)
        case list():
            return [_escape(each) for each in value]
        case dict():
            return {key: _escape(each) for key, each in value.items()}
        case _:
            return value
