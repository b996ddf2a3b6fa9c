"""Settings of the HubSpot destination."""

from typing import Annotated, ClassVar

from pydantic import Field

from orchestration.destinations.base import MODES, Clock, Destination, HttpSettings
from orchestration.destinations.secrets import from_environment


class HubSpotSettings(HttpSettings):
    """Which account, which list, and whether contacts are created."""

    modes: ClassVar = MODES
    knows_members_by: ClassVar = "an e-mail address"

    token_env: Annotated[str, Field(min_length=1)]
    """Name of the environment variable with the access token of a private app."""
    list_id: Annotated[str, Field(pattern=r"^\d+$")] | None = None
    """ILS id of a MANUAL or SNAPSHOT list of contacts; without one only contacts are written."""
    create_contacts: bool = False
    """Whether people whom HubSpot does not know are created; else they are rejected."""

    def lacks(self, mode: str) -> str | None:
        """A list to take members off, where a mirror is to remove them."""
        if mode == "mirror" and self.list_id is None:
            return "`list_id`, off which it takes who leaves; without a list, use the mode upsert"
        return None

    def connect(self, now: Clock) -> Destination:
        """Make the client, with the token read from the environment.

        Raises:
            UsageError: the variable is not set.
        """
        # Here because an installation without HubSpot need not have its library.
        from orchestration.destinations.hubspot.client import HubSpotContacts, HubSpotList

        return (HubSpotList if self.list_id else HubSpotContacts)(
            from_environment(self.token_env, "access token of HubSpot"),
            self.list_id,
            create_contacts=self.create_contacts,
            timeout_seconds=self.timeout_seconds,
            max_retries=self.max_retries,
            requests_per_second=self.requests_per_second,
            now=now,
        )
