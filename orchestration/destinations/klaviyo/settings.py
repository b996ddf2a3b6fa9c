"""Settings of the Klaviyo destination."""

from typing import Annotated, ClassVar

from pydantic import Field

from orchestration.destinations.base import MODES, Clock, Destination, HttpSettings
from orchestration.destinations.secrets import from_environment


class KlaviyoSettings(HttpSettings):
    """Which account and which list."""

    modes: ClassVar = MODES
    largest_batch: ClassVar = 10_000
    knows_members_by: ClassVar = "an e-mail address"

    api_key_env: Annotated[str, Field(min_length=1)]
    """Name of the environment variable with a private API key."""
    list_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")] | None = None
    """The list that members are put on; without one only profiles are written."""

    def lacks(self, mode: str) -> str | None:
        """A list to take members off, where a mirror is to remove them."""
        if mode == "mirror" and self.list_id is None:
            return "`list_id`, off which it takes who leaves; without a list, use the mode upsert"
        return None

    def connect(self, now: Clock) -> Destination:
        """Make the client, with the key read from the environment.

        Raises:
            UsageError: the variable is not set.
        """
        # Here because an installation without Klaviyo need not have its library.
        from orchestration.destinations.klaviyo.client import KlaviyoList, KlaviyoProfiles

        return (KlaviyoList if self.list_id else KlaviyoProfiles)(
            from_environment(self.api_key_env, "private API key of Klaviyo"),
            self.list_id,
            timeout_seconds=self.timeout_seconds,
            max_retries=self.max_retries,
            requests_per_second=self.requests_per_second,
            now=now,
        )
