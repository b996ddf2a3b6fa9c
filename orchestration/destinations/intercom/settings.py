"""Settings of the Intercom destination."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from orchestration.destinations.base import Clock, Destination, HttpSettings
from orchestration.destinations.secrets import from_environment

HOSTS = {
    "us": "https://api.intercom.io",
    "eu": "https://api.eu.intercom.io",
    "au": "https://api.au.intercom.io",
}
REQUESTS_PER_SECOND = 166.0
"""10,000 a minute for an app: https://developers.intercom.com, rate limiting."""


class IntercomSettings(HttpSettings):
    """Which workspace and tag, and how contacts are found."""

    modes: ClassVar[Sequence[str]] = ("mirror", "upsert", "insert", "archive")
    # Intercom takes one contact with each request: more would only make a longer batch.
    largest_batch: ClassVar[int] = 500
    knows_members_by: ClassVar[str | None] = "an e-mail address or an external id (`find_by`)"

    token_env: Annotated[str, Field(min_length=1)]
    """Name of the environment variable with the access token."""
    tag: Annotated[str, Field(pattern=r"\S")] | None = None
    """Name or id of the tag that members carry; needed in every mode but archive."""
    region: Literal["us", "eu", "au"] = "us"
    """Where the workspace is hosted."""
    find_by: Literal["email", "external_id"] = "email"
    """What a member's identifier is at Intercom."""
    create_contacts: bool = True
    """Make a contact of a member whom Intercom does not know; otherwise the row is rejected."""

    def lacks(self, mode: str) -> str | None:
        """The tag, which only archiving does without."""
        if mode != "archive" and self.tag is None:
            return "`tag`, the name or the id of the tag that members carry"
        return None

    def connect(self, now: Clock) -> Destination:
        """Make the client.

        Raises:
            UsageError: the variable with the token is not set.
        """
        from orchestration.destinations.intercom.client import IntercomDestination

        return IntercomDestination(
            HOSTS[self.region],
            from_environment(self.token_env, "access token of Intercom"),
            tag=self.tag,
            find_by=self.find_by,
            create_contacts=self.create_contacts,
            timeout_seconds=self.timeout_seconds,
            max_retries=self.max_retries,
            requests_per_second=self.requests_per_second or REQUESTS_PER_SECOND,
            now=now,
        )
