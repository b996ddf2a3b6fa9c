"""Phone numbers as the project reads them, compared with Google's library on its own examples."""

from pathlib import Path

import duckdb
import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from orchestration.dbt import Dbt

pytestmark = pytest.mark.slow

FORMATS = {
    "national": PhoneNumberFormat.NATIONAL,
    "international": PhoneNumberFormat.INTERNATIONAL,
    "E.164": PhoneNumberFormat.E164,
}
TYPES = {"landline": PhoneNumberType.FIXED_LINE, "mobile": PhoneNumberType.MOBILE}
# Argentina writes mobiles with a 15 at home and a 9 abroad, in another place: no number, not a
# wrong one.
NOT_READ = {("AR", "mobile", "national")}


def examples() -> list[tuple[str, str, str, str, str]]:
    """Country, type, format, the number so written, and its E.164 form."""
    found = []
    for country in sorted(phonenumbers.SUPPORTED_REGIONS):
        for type_name, number_type in TYPES.items():
            number = phonenumbers.example_number_for_type(country, number_type)
            if number is None:
                continue
            expected = phonenumbers.format_number(number, PhoneNumberFormat.E164)
            for name, number_format in FORMATS.items():
                written = phonenumbers.format_number(number, number_format)
                found.append((country, type_name, name, written, expected))
    return found


def test_every_countrys_examples_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "strata.duckdb"
    monkeypatch.setenv("STRATA_DUCKDB_PATH", str(path))
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    sources = {"crm": "generic", "billing": "none", "events": "none"}
    dbt = Dbt("duckdb", {"demo_data": False, "strata_sources": sources})
    numbers = examples()
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema raw_generic")
        connection.execute(
            "create table raw_generic.contacts (contact_id varchar, country varchar, phone varchar)"
        )
        connection.executemany(
            "insert into raw_generic.contacts values (?, ?, ?)",
            [(f"{n}", country, written) for n, (country, _, _, written, _) in enumerate(numbers)],
        )
    dbt.run(
        "build",
        select=["+int_identity__identifiers"],
        exclude=["resource_type:test", "path:seeds/demo"],
        as_of="2026-01-01",
    )
    with duckdb.connect(str(path)) as connection:
        rows = connection.execute(
            "select substring(record_id from 9), identifier_value "
            "from identity.int_identity__identifiers where identifier_type = 'phone'"
        ).fetchall()
        countries = connection.execute("select country from reference.calling_codes").fetchall()
    read = {int(key): phone for key, phone in rows}
    wrong = [
        (*numbers[n], read.get(n))
        for n, (country, type_name, name, _, expected) in enumerate(numbers)
        if read.get(n) != (None if (country, type_name, name) in NOT_READ else expected)
    ]
    assert wrong == []
    assert len(numbers) > 1400
    assert {country for (country,) in countries} == set(phonenumbers.SUPPORTED_REGIONS)
