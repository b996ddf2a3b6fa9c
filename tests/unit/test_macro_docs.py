"""Macros can be found and read: a file each, a folder's YAML, every argument described."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.project import PROJECT_DIR

MACROS = PROJECT_DIR / "macros"
SEGMENTS = MACROS / "segments"
DEFINITION = re.compile(r"{%-?\s*macro\s+(\w+)\s*\((.*?)\)\s*-?%}", re.DOTALL)
ENGINES = ("default", "duckdb", "postgres", "spark")


def macros_in(path: Path) -> dict[str, list[str]]:
    """The names of a file's macros, each with the names of its arguments."""
    return {
        name: re.findall(r"(\w+)\s*(?:=[^,]*)?(?:,|$)", re.sub(r"\s+", " ", arguments).strip())
        for name, arguments in DEFINITION.findall(path.read_text())
    }


def is_dbts_own(path: Path) -> bool:
    """Whether the file replaces dbt's macro of its name for one engine alone."""
    return path.parent.name == "overrides" and list(macros_in(path)) == [f"duckdb__{path.stem}"]


def is_public(name: str) -> bool:
    return not name.startswith(("_", *(f"{engine}__" for engine in ENGINES)))


def files() -> Iterator[Path]:
    yield from (path for path in sorted(MACROS.glob("*/*.sql")))


def documented(folder: Path) -> dict[str, dict[str, Any]]:
    """What a folder's YAML says about its macros, by name."""
    path = folder / f"_{folder.name}__macros.yml"
    return {macro["name"]: macro for macro in yaml.safe_load(path.read_text())["macros"]}


PUBLIC = [
    pytest.param(path.parent, name, arguments, id=name)
    for path in files()
    for name, arguments in macros_in(path).items()
    if is_public(name)
]
FOLDERS = sorted({path.parent for path in files()})


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_a_file_holds_one_public_macro_of_its_name(path: Path) -> None:
    is_materialization = f"materialization {path.stem}," in path.read_text()
    public = [name for name in macros_in(path) if is_public(name)]
    assert public == ([] if is_materialization or is_dbts_own(path) else [path.stem])


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_the_wrapper_comes_first_and_its_engines_follow(path: Path) -> None:
    names = list(macros_in(path))
    bodies = [name for name in names if not is_public(name) and not name.startswith("_")]
    assert [name.partition("__")[2] for name in bodies] == [path.stem] * len(bodies)
    assert not bodies or is_dbts_own(path) or names[:2] == [path.stem, f"default__{path.stem}"]


@pytest.mark.parametrize(("folder", "name", "arguments"), PUBLIC)
def test_a_public_macro_and_its_arguments_are_described(
    folder: Path, name: str, arguments: list[str]
) -> None:
    documentation = documented(folder).get(name, {})
    described = documentation.get("arguments", [])
    assert documentation.get("description"), f"{name} is not in _{folder.name}__macros.yml"
    assert [argument["name"] for argument in described] == arguments
    assert all(argument["type"] and argument["description"] for argument in described)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_description_outlives_its_macro(folder: Path) -> None:
    defined = {name for path in folder.glob("*.sql") for name in macros_in(path)}
    assert set(documented(folder)) <= defined


@pytest.mark.parametrize("path", sorted(SEGMENTS.rglob("*.sql")), ids=lambda path: path.stem)
def test_a_segment_is_alone_in_a_file_of_its_id_in_the_folder_of_its_type(path: Path) -> None:
    types = re.findall(r"^\s*type='(\w+)',$", path.read_text(), re.MULTILINE)
    assert list(macros_in(path)) == [f"segment__{path.stem}"]
    assert types == [path.parent.name]
