"""dbt, called in this process: parsed once, run as often as a refresh needs it."""

import atexit
import gc
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
os.environ["DO_NOT_TRACK"] = "1"

if TYPE_CHECKING:  # Dagster's definitions import this module and have no need of dbt
    from dbt.contracts.graph.manifest import Manifest

from orchestration.errors import RefreshFailed, UsageError
from orchestration.project import PROJECT_DIR, digest_of_files
from orchestration.segment_files import check_segment_files

OUR_WORDS = (
    "segment__",
    "strata_sources",
    "as_of is",
    "The schema raw_",
    "The table raw_",
    "The variable events",
    "The experiment ",
    "events.",
)
LEFT_OUT = "strata_left_out"
"""Tag of nodes that an invocation leaves out."""
GOOD = {"success", "pass", "warn", "skipped", "no-op"}


@dataclass(frozen=True)
class NodeResult:
    """How one model, seed or test ended."""

    unique_id: str
    name: str
    resource_type: str
    status: str
    message: str
    seconds: float
    failures: int | None
    row_count: int | None = None
    """Rows written, where the engine tells."""
    byte_count: int | None = None
    """Bytes read, where the engine tells."""
    started_at: datetime | None = None
    """UTC; None where dbt does not say."""

    @property
    def is_good(self) -> bool:
        """Whether downstream work may go on."""
        return self.status in GOOD


class NodesFailed(RefreshFailed):
    """Some nodes failed. `results` holds those that went well, too."""

    def __init__(self, results: list[NodeResult]) -> None:
        failed = [result for result in results if not result.is_good]
        # One mistake in a segment fails every model that reads the definitions: say it once.
        said = {result.message.split("\n", 1)[-1]: result for result in reversed(failed)}
        super().__init__("\n".join(f"{one.name}: {one.message}" for one in reversed(said.values())))
        self.results = results


@dataclass
class Dbt:
    """The project for one target and one choice of sources.

    Parsing takes seconds and depends on both, not on the instant, so the manifest is
    kept and handed to every invocation.
    """

    target: str | None
    variables: dict[str, Any]
    on_result: Callable[[NodeResult], None] = field(default=lambda result: None)
    on_note: Callable[[str], None] = field(default=lambda note: None)

    @cached_property
    def manifest(self) -> "Manifest":
        """The parsed project. Raises UsageError with dbt's words when it does not parse."""
        check_segment_files()
        # dbt keeps what it parsed, but does not notice there that a macro which nothing names
        # by hand has appeared, as a segment's does. So it may use it only for the same files.
        kept, files = _target_dir() / "parsed_files.txt", digest_of_files(PROJECT_DIR)
        is_same = kept.is_file() and kept.read_text() == files
        kept.unlink(missing_ok=True)
        flag = "--partial-parse" if is_same else "--no-partial-parse"
        parsed: Manifest = self._invoke(["parse", flag], self.variables, None).result
        if files == digest_of_files(PROJECT_DIR):
            kept.write_text(files)
        # The parsed project stays for as long as the process: not to be walked through by each
        # collection of garbage, which took a tenth of a refresh.
        gc.collect()
        gc.freeze()
        atexit.register(gc.unfreeze)  # or libraries report at the end that it was never freed
        return parsed

    def manifest_dict(self) -> dict[str, Any]:
        """The parsed project in the shape of dbt's manifest.json."""
        return dict(self.manifest.writable_manifest().to_dict(omit_none=False))

    def run(
        self,
        command: str,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        flags: Sequence[str] = (),
        without: Sequence[str] = (),
        **variables: Any,
    ) -> list[NodeResult]:
        """Runs `dbt build`, `dbt seed` or another command over the selected nodes.

        Returns every node's result; `without` are unique ids of nodes that are not run. Raises
        NodesFailed, naming each node that failed and why, or UsageError when dbt refused to start.
        """
        arguments = [command, *flags]
        if select:
            arguments += ["--select", *select]
        exclude = [*exclude, f"tag:{LEFT_OUT}"] if without else exclude
        if exclude:
            arguments += ["--exclude", *exclude]
        with self._tagged(without):
            outcome = self._invoke(arguments, self.variables | variables, self.manifest)
        results = [_node_result(result) for result in outcome.result.results]
        if any(not result.is_good for result in results):
            raise NodesFailed(results)
        return results

    def listed(self, select: Sequence[str], exclude: Sequence[str]) -> list[str]:
        """The unique ids of these models, seeds and data tests. Raises UsageError."""
        arguments = ["list", "--output", "json", "--output-keys", "unique_id"]
        for kind in ("model", "seed", "test"):
            arguments += ["--resource-type", kind]
        if select:
            arguments += ["--select", *select]
        if exclude:
            arguments += ["--exclude", *exclude]
        outcome = self._invoke(arguments, self.variables, self.manifest)
        return [json.loads(line)["unique_id"] for line in outcome.result]

    def write_docs(self) -> None:
        """Writes the pages of dbt docs. Raises UsageError with dbt's words."""
        outcome = self._invoke(["docs", "generate"], self.variables, self.manifest)
        if not outcome.success:
            raise UsageError(_words(outcome.exception))

    def compiled(self, select: Sequence[str], **variables: Any) -> dict[str, str]:
        """The compiled SQL of the selected models, by unique id.

        Raises NodesFailed, or UsageError with dbt's words when a model does not compile.
        """
        nodes = self._compile(["--select", *select], variables)
        return {
            node.unique_id: node.compiled_code for node in nodes if node.resource_type == "model"
        }

    def check_segments(self, as_of: datetime) -> None:
        """Reads the definition of every segment, once for the same files and sources.

        A run would find what is wrong with one after it has built all that is below them.
        Raises UsageError with the file, what was found and what is accepted.
        """
        checked = _target_dir() / "checked_segments.txt"
        files = [digest_of_files(PROJECT_DIR), json.dumps(self.variables, sort_keys=True)]
        if checked.is_file() and checked.read_text() == "\n".join(files):
            return
        try:
            self.rendered("{% do segment_definitions() %}", as_of=as_of.isoformat())
        except NodesFailed as error:
            raise UsageError(error.results[0].message) from None
        checked.write_text("\n".join(files))

    def rendered(self, template: str, **variables: Any) -> str:
        """The SQL that a template of the project's macros renders to. Raises as `compiled`."""
        [node] = self._compile(["--inline", template], variables)
        return str(node.compiled_code)

    def with_macros(self, files: Mapping[str, str | None]) -> "Dbt":
        """The same parsed project with other texts in some files of macros; None is no file.

        `files` is by path below the project's folder. Models are not parsed again, so this
        is for what calls macros by their names, as the segment engine does.
        """
        from dbt.artifacts.resources.types import NodeType
        from dbt.contracts.graph.manifest import Manifest
        from dbt.contracts.graph.nodes import Macro

        package = str(self.manifest.metadata.project_name)
        macros = {
            unique_id: macro
            for unique_id, macro in self.manifest.macros.items()
            if macro.package_name != package or macro.original_file_path not in files
        }
        for path, text in files.items():
            for name in re.findall(r"{%-?\s*macro\s+(\w+)", text or ""):
                macro = Macro(
                    name=name,
                    resource_type=NodeType.Macro,
                    package_name=package,
                    path=path,
                    original_file_path=path,
                    unique_id=f"macro.{package}.{name}",
                    macro_sql=text or "",
                )
                macros[macro.unique_id] = macro
        manifest = object.__new__(Manifest)  # copy.copy loses what dbt looks models up with
        manifest.__dict__.update(self.manifest.__dict__)
        manifest.macros = macros
        manifest._macros_by_name = None
        manifest._macros_by_package = None
        other = replace(self)
        other.__dict__["manifest"] = manifest
        return other

    @contextmanager
    def _tagged(self, unique_ids: Sequence[str]) -> Iterator[None]:
        """Tags nodes for one invocation. Naming a hundred of them made dbt look at each node a
        hundred times, which was a fifteenth of a refresh."""
        nodes = [self.manifest.nodes[one] for one in unique_ids]
        tags = [node.tags for node in nodes]
        for node in nodes:
            node.tags = [*node.tags, LEFT_OUT]
        try:
            yield
        finally:
            for node, before in zip(nodes, tags, strict=True):
                node.tags = before

    def _compile(self, what: Sequence[str], variables: dict[str, Any]) -> list[Any]:
        outcome = self._invoke(["compile", *what], self.variables | variables, self.manifest)
        results = [_node_result(result) for result in outcome.result.results]
        if any(not result.is_good for result in results):
            raise NodesFailed(results)
        return [result.node for result in outcome.result.results]

    def _invoke(
        self, arguments: list[str], variables: dict[str, Any], manifest: "Manifest | None"
    ) -> Any:
        """dbt's `dbtRunnerResult`. Raises UsageError with dbt's words when it has no result."""
        from dbt.cli.main import dbtRunner

        options = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
        # dbt parses anew for the same variables in another order.
        options += ["--vars", json.dumps(variables, sort_keys=True), "--log-level", "none"]
        if self.target:
            options += ["--target", self.target]
        if arguments[0] != "docs":
            # Only dbt's pages read manifest.json, which takes half a second of each invocation.
            options += ["--no-write-json"]
        runner = dbtRunner(manifest=manifest, callbacks=[self._report])
        outcome = runner.invoke(["--no-use-colors", *arguments, *options])
        if outcome.result is None:
            raise UsageError(_words(outcome.exception))
        return outcome

    def _report(self, event: Any) -> None:
        if event.info.name == "JinjaLogWarning":
            self.on_note(_tidy(event.data.msg).splitlines()[-1])
        if event.info.name not in {"LogModelResult", "LogTestResult", "LogSeedResult"}:
            return
        node = event.data.node_info
        self.on_result(
            NodeResult(
                unique_id=node.unique_id,
                name=node.node_name,
                resource_type=node.resource_type,
                status=str(event.data.status).lower(),
                message="",
                seconds=event.data.execution_time,
                failures=None,
            )
        )


def _target_dir() -> Path:
    """Where dbt writes, now: tests change it."""
    return PROJECT_DIR / os.environ.get("DBT_TARGET_PATH", "target")


def _node_result(result: Any) -> NodeResult:
    told = result.adapter_response or {}
    rows = told.get("rows_affected")
    return NodeResult(
        unique_id=result.node.unique_id,
        name=result.node.name,
        resource_type=str(result.node.resource_type),
        status=str(result.status),
        message=_tidy(result.message or ""),
        seconds=float(result.execution_time),  # a whole 0 of a node that was skipped
        failures=result.failures,
        row_count=rows if isinstance(rows, int) and rows >= 0 else None,
        byte_count=told.get("bytes_processed"),
        started_at=min((one.started_at for one in result.timing if one.started_at), default=None),
    )


def _words(exception: BaseException | None) -> str:
    return _tidy(str(exception)) if exception else "dbt stopped without saying why."


def _tidy(message: str) -> str:
    """dbt's message without the trace of macros that led to it."""
    lines = [line.rstrip() for line in message.strip().splitlines()]
    segments = [line for line in lines if "> called by macro segment__" in line]
    said = next((i for i, line in enumerate(lines) if " Error" not in line), 0)
    if segments and (called := segments[0].split("called by macro ")[1]) not in lines[said]:
        # A rule helper does not know in which file it was called wrongly: the trace does.
        lines[said] = f"  {called}: {lines[said].strip()}"
    kept = [
        line
        for line in lines
        if line and not line.lstrip().startswith(("> in macro", "> called by"))
    ]
    for headings in (1, 2):
        if len(kept) > headings and kept[headings].lstrip().startswith(OUR_WORDS):
            # Our message names the place; dbt's headings name the model it happened to be in.
            kept = [line.strip() for line in kept[headings:]]
            break
    return "\n".join(kept)
