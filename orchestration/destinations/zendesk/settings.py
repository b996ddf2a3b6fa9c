"""Settings of the Zendesk destination."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from orchestration.destinations.base import Clock, Destination, HttpSettings
from orchestration.destinations.secrets import from_environment
from orchestration.destinations.values import shaped
from orchestration.destinations.zendesk.routes import Route, unreachable

# The smallest plan allows 200 a minute.
REQUESTS_PER_SECOND = 3.0


class ZendeskSettings(HttpSettings):
    """Which account, which tag, and where the members' tickets go."""

    modes: ClassVar[Sequence[str]] = ("mirror", "upsert", "insert")
    largest_batch: ClassVar[int] = 100
    knows_members_by: ClassVar[str | None] = "an e-mail address"

    subdomain: Annotated[
        str, shaped(r"[a-z0-9][a-z0-9-]*", "the first part of the address, as acme")
    ]
    """`acme` of https://acme.zendesk.com."""
    token_env: Annotated[str, Field(min_length=1)]
    """Name of the environment variable with the API token, or with an OAuth access token."""
    user: Annotated[str, shaped(r"[^\s:/]+@[^\s:/]+", "an e-mail address")] | None = None
    """E-mail address that the API token is used with; without it, the token is OAuth's."""
    tag: Annotated[str, shaped(r'[^\sA-Z,:"*]+', "a tag in lower case, without spaces")]
    """The segment's tag: lower case, without spaces."""
    routes: list[Route] = Field(default_factory=list)
    """Where tickets go, by the members' columns; the first that matches is taken."""
    default_group_id: Annotated[int, Field(gt=0)] | None = None
    """Where the tickets of members go that no route matches; they are left alone if not given."""

    @field_validator("routes")
    @classmethod
    def _each_can_be_taken(cls, routes: list[Route]) -> list[Route]:
        if problems := unreachable(routes):
            raise ValueError(f"routes that can all be taken; {'; '.join(problems)}")
        return routes

    def connect(self, now: Clock) -> Destination:
        """Make the client, with its token from the environment.

        Raises:
            UsageError: the variable of the token is not set.
        """
        from orchestration.destinations.zendesk.client import ZendeskDestination

        return ZendeskDestination(
            f"https://{self.subdomain}.zendesk.com/api/v2/",
            from_environment(self.token_env, "Zendesk token"),
            user=self.user,
            tag=self.tag,
            routes=self.routes,
            default_group_id=self.default_group_id,
            timeout_seconds=self.timeout_seconds,
            max_retries=self.max_retries,
            requests_per_second=self.requests_per_second or REQUESTS_PER_SECOND,
            now=now,
        )
