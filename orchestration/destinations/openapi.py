"""What clients made by OpenAPI Generator on urllib3 have in common.

They are asked for bare answers: their models drop what they do not know, a 207 included.
And they are told to repeat nothing, which `Calls` does.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.util import Retry

from orchestration.destinations.base import BatchRefused, Clock, Row
from orchestration.destinations.calls import Reply, Unreadable, retry_after_seconds, shortened

T = TypeVar("T")
R = TypeVar("R")
M = TypeVar("M", bound=BaseModel)

NO_REPEATS = Retry(total=0, redirect=False)
"""For urllib3, which otherwise repeats requests and follows redirects by itself."""

# What is no address to either service; quotes and backslashes would also need escaping.
_EMAIL = re.compile(r"""[^@\s"\\]+@[^@\s"\\]+""")


class Refusal(Exception):
    """An answer that is no success, from a client that leaves it to the caller to look."""

    def __init__(self, response: BaseHTTPResponse) -> None:
        self.status = response.status
        self.reason = response.reason
        self.headers = response.headers
        self.body = response.data.decode(errors="replace")
        super().__init__(f"{self.status}: {self.body}")


def content(response: BaseHTTPResponse, model: type[M]) -> M:
    """Read a success as `model`; no content at all is read as an empty JSON object.

    Raises:
        Refusal: it is no success.
        Unreadable: it is one, and not JSON, or without what `model` asks for.
    """
    if not 200 <= response.status < 300:
        raise Refusal(response)
    try:
        return model.model_validate_json(response.data.strip() or b"{}")
    except ValidationError as error:
        # The input is left out: it may be about people.
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise Unreadable(
            f"{response.status} with an answer that is not understood: {where}: {first['msg']}"
        ) from None


def reply_of_openapi(error: Exception, now: Clock, secret: str) -> Reply | None:
    """The reply behind an error of such a client, or a `Refusal`; never with `secret` in it."""
    if isinstance(error, UnicodeDecodeError) and isinstance(error.__context__, Exception):
        # Some of these clients decode a refusal strictly, while they raise it.
        error = error.__context__
    if isinstance(error, MaxRetryError) and error.reason:
        error = error.reason  # its own text has the address, with the query
    if isinstance(error, HTTPError):
        return Reply(None, shortened(str(error)) or type(error).__name__)
    status, body = getattr(error, "status", None), getattr(error, "body", None)
    if not isinstance(status, int):
        return None
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    said = shortened(_words(text).replace(secret, "***")) or str(getattr(error, "reason", ""))
    return Reply(status, said, retry_after_seconds(getattr(error, "headers", None) or {}, now))


def _words(body: str) -> str:
    """What a person would read of an error's body: its message, or the details of its errors."""
    try:
        said = json.loads(body)
    except ValueError:
        return body
    match said:
        case {"message": str(message)}:
            return message
        case {"errors": [{"detail": _}, *_] as errors}:
            return "; ".join(str(error.get("detail")) for error in errors)
    return body


def email_of(identifier: str | None) -> str | None:
    """The e-mail address as these services keep it, in lower case; None if it is none."""
    email = (identifier or "").strip().lower()
    return email if _EMAIL.fullmatch(email) else None


def emails_of(row: Row) -> set[str]:
    """All addresses that a row is about: the member's own, and those it was known by before."""
    emails = map(email_of, (row.identifier, *row.former_identifiers))
    return {email for email in emails if email}


def in_parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut into parts of `size` items; the last may be shorter."""
    return (items[first : first + size] for first in range(0, len(items), size))


def sifted(
    parts: Iterable[Sequence[T]], request: Callable[[Sequence[T]], R]
) -> Iterator[tuple[Sequence[T], R | BatchRefused]]:
    """Make a request for each part; for one that is refused, for its halves, down to one item.

    Yields:
        Each part that was sent in the end, with what came back, or the refusal of one item.
    """
    for part in parts:
        result: R | BatchRefused
        try:
            result = request(part)
        except BatchRefused as refused:
            if len(part) > 1:
                yield from sifted(in_parts(part, (len(part) + 1) // 2), request)
                continue
            result = refused
        yield part, result
