"""Reads the segment files before dbt does, to name the file and line of what dbt would not."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import jinja2
from jinja2 import nodes

from orchestration.errors import UsageError
from orchestration.project import PROJECT_DIR

SEGMENTS = Path("macros", "segments")
SIGNATURE = Path("macros", "segment_engine", "segment.sql")
# Macros that the author of a rule may call, a file each; days_ago is for examples.
HELPERS = Path("macros", "rules")
FOR_EXAMPLES = "days_ago"
# What Jinja and dbt bring.
BUILT_IN = {"segment", "return", "var", "dict", "range", "namespace", "ref", "tojson", "set", "zip"}


def check_segment_files(project: Path = PROJECT_DIR) -> None:
    """Every file below macros/segments/ is one macro `segment__<file name>` that calls segment().

    Raises UsageError with one line per mistake: a file that Jinja cannot read, a macro of
    another name, an argument that segment() does not have, a required one that is missing, a
    helper that there is not, an argument that a helper does not have.
    """
    jinja = _jinja()
    signature = next(jinja.parse((project / SIGNATURE).read_text()).find_all(nodes.Macro))
    accepted = [argument.name for argument in signature.args]
    required = accepted[: len(accepted) - len(signature.defaults)]
    helpers = sorted([path.stem for path in (project / HELPERS).glob("*.sql")] + [FOR_EXAMPLES])
    macros = {path.stem for path in (project / "macros").rglob("*.sql")}
    signatures = _signatures(jinja, project)
    mistakes = []
    for path in sorted((project / SEGMENTS).rglob("*.sql")):
        try:
            parsed = jinja.parse(path.read_text())
        except jinja2.TemplateSyntaxError as error:
            mistakes.append(f"{path.relative_to(project)}, line {error.lineno}: {error.message}")
            continue
        for line, mistake in _mistakes(parsed, path.stem, accepted, required):
            mistakes.append(f"{path.relative_to(project)}, line {line}: {mistake}")
        for line, mistake in _unknown_helpers(parsed, macros, helpers):
            mistakes.append(f"{path.relative_to(project)}, line {line}: {mistake}")
        for line, mistake in _wrong_arguments(parsed, signatures):
            mistakes.append(f"{path.relative_to(project)}, line {line}: {mistake}")
    if mistakes:
        raise UsageError("\n".join(mistakes))


def events_named(path: Path, project: Path = PROJECT_DIR) -> list[str]:
    """The names of events that a segment's file hands to rule helpers, sorted."""
    jinja = _jinja()
    signatures = _signatures(jinja, project)
    found: set[str] = set()
    for call in jinja.parse(path.read_text()).find_all(nodes.Call):
        if not (isinstance(call.node, nodes.Name) and call.node.name in signatures):
            continue
        names = [argument.name for argument in signatures[call.node.name].args]
        given = dict(zip(names, call.args, strict=False))
        given |= {argument.key: argument.value for argument in call.kwargs}
        for name in ("event", "events"):
            if name in given:
                texts = [given[name], *given[name].find_all(nodes.Const)]
                found |= {
                    text.value
                    for text in texts
                    if isinstance(text, nodes.Const) and isinstance(text.value, str)
                }
    return sorted(found)


def _jinja() -> jinja2.Environment:
    return jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=True)


def _signatures(jinja: jinja2.Environment, project: Path) -> dict[str, nodes.Macro]:
    return {
        macro.name: macro
        for path in (project / HELPERS).glob("*.sql")
        for macro in jinja.parse(path.read_text()).find_all(nodes.Macro)
    }


def _mistakes(
    parsed: nodes.Template, stem: str, accepted: list[str], required: list[str]
) -> Iterator[tuple[int, str]]:
    macros = list(parsed.find_all(nodes.Macro))
    if [macro.name for macro in macros] != [f"segment__{stem}"]:
        found = ", ".join(macro.name for macro in macros) or "none"
        yield (
            macros[0].lineno if macros else 1,
            f"the file must define the macro segment__{stem}, and no other; it defines {found}",
        )
    for call in parsed.find_all(nodes.Call):
        if not (isinstance(call.node, nodes.Name) and call.node.name == "segment"):
            continue
        given = [argument.key for argument in call.kwargs]
        for argument in call.kwargs:
            if argument.key not in accepted:
                yield (
                    argument.lineno,
                    f"segment() has no argument '{argument.key}'. It takes {', '.join(accepted)}",
                )
        for name in required[len(call.args) :]:
            if name not in given:
                yield call.lineno, f"segment() lacks the argument '{name}'"


def _unknown_helpers(
    parsed: nodes.Template, macros: set[str], helpers: Sequence[str]
) -> Iterator[tuple[int, str]]:
    own = {name.name for name in parsed.find_all(nodes.Name) if name.ctx in ("store", "param")}
    for call in parsed.find_all(nodes.Call):
        if not isinstance(call.node, nodes.Name):
            continue
        name = call.node.name
        if name in macros or name in own or name in BUILT_IN:
            continue
        near = difflib.get_close_matches(name, helpers, n=3)
        meant = f"Nearest: {', '.join(near)}. " if near else ""
        yield call.lineno, f"there is no helper '{name}'. {meant}Helpers: {', '.join(helpers)}"


def _wrong_arguments(
    parsed: nodes.Template, signatures: Mapping[str, nodes.Macro]
) -> Iterator[tuple[int, str]]:
    for call in parsed.find_all(nodes.Call):
        if not (isinstance(call.node, nodes.Name) and call.node.name in signatures):
            continue
        signature = signatures[call.node.name]
        names = [argument.name for argument in signature.args]
        takes = f"{call.node.name}() takes {', '.join(names) or 'no arguments'}"
        by_place = names[: len(call.args)]
        given = [argument.key for argument in call.kwargs]
        if len(call.args) > len(names):
            yield call.lineno, f"{takes}, and is given {len(call.args)} values. A list is in [ ]"
        for name in given:
            if name not in names:
                yield call.lineno, f"{takes}, and no '{name}'"
            elif name in by_place:
                place = by_place.index(name) + 1
                yield (
                    call.lineno,
                    f"{takes}: '{name}' is given twice, by its name and as value {place}. "
                    "A list is in [ ]",
                )
        required = names[: len(names) - len(signature.defaults)]
        for name in required[len(call.args) :]:
            if name not in given:
                yield call.lineno, f"{takes}: '{name}' is missing"
