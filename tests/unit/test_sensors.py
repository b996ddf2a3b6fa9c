"""What starts a run outside its schedule."""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.errors import WarehouseUnavailable
from orchestration.project import PROJECT_DIR
from orchestration.warehouse import duckdb_engine

pytestmark = pytest.mark.slow  # the project is parsed
PUBLISHED = datetime(2026, 7, 1, 6)


@pytest.fixture
def sensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    from orchestration import sensors

    shutil.copytree(PROJECT_DIR / "macros" / "segments", tmp_path / "macros" / "segments")
    monkeypatch.setattr(sensors, "PROJECT_DIR", tmp_path)
    monkeypatch.setattr(sensors, "check_reachable", lambda **_: None)
    monkeypatch.setattr(sensors, "engine", lambda: duckdb_engine(tmp_path / "w.duckdb"))
    monkeypatch.setattr(sensors, "last_publication", lambda _: ("run", PUBLISHED))
    yield sensors


def look(sensor: dg.SensorDefinition, cursor: str | None) -> tuple[Any, str]:
    """What a tick asks for, or why it does not; and the cursor after it."""
    context = dg.build_sensor_context(cursor=cursor)
    found = sensor(context)
    return found, str(context.cursor)


def test_an_edited_segment_is_evaluated_as_of_the_last_refresh(
    sensors: ModuleType, tmp_path: Path
) -> None:
    found, cursor = look(sensors.edited_segments, None)
    assert isinstance(found, dg.SkipReason), "there was nothing to compare with"
    [path] = tmp_path.rglob("champions.sql")
    path.write_text(path.read_text().replace("Champions", "Best customers", 1))
    found, after = look(sensors.edited_segments, cursor)
    assert found.tags == {"strata/edited": "champions"}
    instant = found.run_config["resources"]["instant"]["config"]["as_of"]
    assert instant == "2026-07-01T06:00:00Z"
    again, _ = look(sensors.edited_segments, after)
    assert isinstance(again, dg.SkipReason)
    path.unlink()
    gone, last = look(sensors.edited_segments, after)
    assert gone.tags == {"strata/edited": "champions"}
    assert gone.run_key != found.run_key
    assert "champions" not in json.loads(last)


def test_an_edit_waits_while_the_warehouse_is_held(
    sensors: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(**_: object) -> None:
        raise WarehouseUnavailable("The DuckDB file is held by process 7.")

    _, cursor = look(sensors.edited_segments, None)
    [path] = tmp_path.rglob("champions.sql")
    path.write_text(path.read_text() + "\n")
    with monkeypatch.context() as patch:
        patch.setattr(sensors, "check_reachable", held)
        found, after = look(sensors.edited_segments, cursor)
    assert found.skip_message == "champions edited, but: The DuckDB file is held by process 7."
    assert after == cursor
    found, _ = look(sensors.edited_segments, after)
    assert isinstance(found, dg.RunRequest)


def test_new_rows_ask_for_a_refresh(
    sensors: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = (
        "select 'raw_crm' as source_system, 'contact' as table_name, "
        "max(loaded_at) as last_loaded_at from contact"
    )
    monkeypatch.setattr(sensors, "_loads_sql", lambda: loads)

    def load(at: str) -> None:
        with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
            connection.execute("create table if not exists contact (loaded_at timestamp)")
            connection.execute("insert into contact values (?)", [at])

    load("2026-07-01 05:00:00")
    found, cursor = look(sensors.new_rows, None)
    assert isinstance(found, dg.SkipReason)
    found, cursor = look(sensors.new_rows, cursor)
    assert found.skip_message == "No source has new rows."
    load("2026-07-01 06:00:00")
    found, cursor = look(sensors.new_rows, cursor)
    assert found.tags == {"strata/new_rows": "raw_crm.contact"}
    assert isinstance(look(sensors.new_rows, cursor)[0], dg.SkipReason)
