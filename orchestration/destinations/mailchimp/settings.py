"""Settings of the Mailchimp destination."""

import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from orchestration.destinations.base import Clock, Destination, HttpSettings
from orchestration.destinations.secrets import from_environment
from orchestration.errors import UsageError

_DATA_CENTRE = re.compile(r"-([a-z]+[0-9]+)$")


class MailchimpSettings(HttpSettings):
    """Which audience at Mailchimp, by a tag or as a whole, and what becomes of new members."""

    modes: ClassVar[Sequence[str]] = ("mirror", "upsert", "insert", "archive")
    largest_batch: ClassVar[int] = 500
    knows_members_by: ClassVar[str | None] = "an e-mail address"

    api_key_env: Annotated[str, Field(min_length=1)]
    """Name of the environment variable with the API key, which ends in its data centre."""
    list_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]
    """The audience at Mailchimp, called list in its API."""
    tag: Annotated[str, Field(pattern=r"\S")] | None = None
    """Who carries this tag is in; without it, who is in the audience at Mailchimp."""
    status_if_new: Literal["transactional", "subscribed", "pending"] = "transactional"
    """Status of somebody whom Mailchimp does not know yet, or has archived."""
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 120.0
    """As in every HTTP destination; Mailchimp gives up on a request after 120 seconds itself."""

    def connect(self, now: Clock) -> Destination:
        """Make the client, for the data centre that the key names.

        Raises:
            UsageError: the variable is not set, or does not hold a key with a data centre.
        """
        from orchestration.destinations.mailchimp.client import MailchimpDestination

        key = from_environment(self.api_key_env, "API key of Mailchimp")
        data_centre = _DATA_CENTRE.search(key)
        if data_centre is None:
            raise UsageError(
                f"environment variable {self.api_key_env} does not hold an API key of Mailchimp; "
                "accepted: a key that ends in - and its data centre, such as -us6"
            )
        return MailchimpDestination(
            f"https://{data_centre[1]}.api.mailchimp.com/3.0",
            key,
            self.list_id,
            tag=self.tag,
            status_if_new=self.status_if_new,
            timeout_seconds=self.timeout_seconds,
            max_retries=self.max_retries,
            requests_per_second=self.requests_per_second,
            now=now,
        )
