"""What the owners of segments should look at, as the last run found it."""

from dataclasses import dataclass

import sqlalchemy as sa

LISTED = 12  # as many ids are read; more bury what else is said


@dataclass(frozen=True)
class Finding:
    """One finding about a segment; `detail` is for people."""

    segment_id: str
    finding: str
    detail: str
    other_segment_id: str | None


def read_findings(warehouse: sa.Engine) -> list[Finding]:
    """The findings of the last run, by kind and segment; none where no run has looked yet."""
    with warehouse.connect() as connection:
        if not sa.inspect(connection).has_table("segment_findings", schema="segments"):
            return []
        rows = connection.execute(
            sa.text(
                "select segment_id, finding, detail, other_segment_id "
                "from segments.segment_findings order by finding, segment_id, other_segment_id"
            )
        ).all()
    return [Finding(row.segment_id, row.finding, row.detail, row.other_segment_id) for row in rows]


def in_words(findings: list[Finding]) -> list[str]:
    """One line per finding; those that say no more than which segments it is are one line."""
    lists = {"never_published": "never published", "unused": "not used by any audience"}
    lines = []
    for found in findings:
        if found.finding in lists:
            continue
        if found.finding == "nearly_identical":
            # Each pair is found from both sides.
            if found.segment_id < str(found.other_segment_id):
                lines.append(
                    f"{found.segment_id} and {found.other_segment_id} are nearly identical: "
                    f"{found.detail}"
                )
            continue
        lines.append(f"{found.segment_id}: {found.finding.replace('_', ' ')}: {found.detail}")
    for finding, words in lists.items():
        if ids := [found.segment_id for found in findings if found.finding == finding]:
            listed = (
                ", ".join(ids) if len(ids) <= LISTED else "segments.segment_findings lists them"
            )
            lines.append(f"{len(ids)} {words}: {listed}")
    return lines
