"""Which segments there are, and what somebody who mistyped one probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from orchestration.errors import UsageError
from orchestration.project import PROJECT_DIR
from orchestration.segment_files import SEGMENTS


def segment_files(project: Path = PROJECT_DIR) -> dict[str, Path]:
    """The file of each segment, by the segment's id."""
    return {path.stem: path for path in sorted((project / SEGMENTS).rglob("*.sql"))}


def known_segment(segment_id: str, known: Iterable[str]) -> str:
    """The id itself. Raises UsageError, naming the nearest ids, when it is not known."""
    ids = sorted(known)
    if segment_id in ids:
        return segment_id
    near = get_close_matches(segment_id.strip().lower().replace("-", "_"), ids, n=3)
    if near:
        raise UsageError(f"There is no segment '{segment_id}'. Did you mean {' or '.join(near)}?")
    listed = ", ".join(ids) if ids else "none yet; `strata new segment` writes one"
    raise UsageError(f"There is no segment '{segment_id}'. Segments: {listed}.")
