"""Settings of the Salesforce destination."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from orchestration.destinations.base import Clock, Destination, HttpSettings
from orchestration.destinations.secrets import from_environment

ApiName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
"""A name of Salesforce's API; it goes into queries and addresses."""
EnvironmentName = Annotated[str, Field(min_length=1)]


class SalesforceSettings(HttpSettings):
    """Which records are written, and what happens to those of members who leave."""

    modes: ClassVar[Sequence[str]] = ("mirror", "upsert", "insert")
    largest_batch: ClassVar[int] = 200
    knows_members_by: ClassVar[str | None] = (
        "a value of `external_id_field`, or an e-mail address where there is none"
    )

    instance_url: Annotated[
        str, Field(pattern=r"^https://[a-z0-9-]+(\.[a-z0-9-]+)*\.my\.salesforce\.com$")
    ]
    """My Domain of the org, `https://acme.my.salesforce.com`."""
    object: ApiName
    """`Contact`, `Lead`, `Account` or a custom object."""
    external_id_field: ApiName | None = None
    """The external ID field that records are upserted by; without it, they are found by e-mail."""
    email_field: ApiName = "Email"
    """The field with the e-mail address, where there is no `external_id_field`."""
    create_missing: bool = True
    """Whether a member without a record gets one."""
    campaign_id: Annotated[
        str, Field(pattern=r"^701[A-Za-z0-9]{12}([A-Za-z0-9]{3})?$")
    ] | None = None  # fmt: skip
    """The campaign that holds the members; of `Contact` and `Lead` alone."""
    campaign_status: Annotated[str, Field(min_length=1)] | None = None
    """Status of those who are added to the campaign; its default status if not given."""
    on_leave: Mapping[ApiName, str | int | float | bool | None] = Field(default_factory=dict)
    """Fields to set when a member leaves, and to what."""

    consumer_key_env: EnvironmentName
    """Name of the environment variable with the connected app's consumer key."""
    consumer_secret_env: EnvironmentName | None = None
    """... with its consumer secret (OAuth client credentials)."""
    username: Annotated[str, Field(min_length=1)] | None = None
    """The user to act as (OAuth JWT bearer)."""
    private_key_env: EnvironmentName | None = None
    """Name of the environment variable with the private key in PEM (OAuth JWT bearer)."""

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        by_key = self.username is not None and self.private_key_env is not None
        none_of_it = self.username is None and self.private_key_env is None
        if not (by_key or none_of_it) or by_key == (self.consumer_secret_env is not None):
            raise ValueError(
                "either `consumer_secret_env`, or `username` and `private_key_env`, "
                "beside `consumer_key_env`"
            )
        return self

    @model_validator(mode="after")
    def _campaigns_hold_people(self) -> Self:
        if self.campaign_id is not None and self.object not in ("Contact", "Lead"):
            raise ValueError(f"`campaign_id` with `object` Contact or Lead, not {self.object}")
        if self.campaign_status is not None and self.campaign_id is None:
            raise ValueError("`campaign_status` only together with `campaign_id`")
        return self

    def connect(self, now: Clock) -> Destination:  # noqa: ARG002 - nothing needs a clock
        """Make the client, with its credentials from the environment; it logs in when used.

        Raises:
            UsageError: a variable is not set.
        """
        from orchestration.destinations.salesforce.client import (
            CampaignDestination,
            Records,
            SalesforceDestination,
        )

        return (CampaignDestination if self.campaign_id else SalesforceDestination)(
            self._credentials(),
            Records(
                self.object,
                self.external_id_field or self.email_field,
                is_external_id=self.external_id_field is not None,
                create_missing=self.create_missing,
                on_leave=self.on_leave,
                campaign_id=self.campaign_id,
                campaign_status=self.campaign_status,
            ),
            instance_url=self.instance_url,
            timeout_seconds=self.timeout_seconds,
            max_retries=self.max_retries,
            requests_per_second=self.requests_per_second,
        )

    def _credentials(self) -> dict[str, str | None]:
        """The arguments of the library's login."""
        key = from_environment(self.consumer_key_env, "consumer key of the Salesforce app")
        domain = self.instance_url.removeprefix("https://").removesuffix(".salesforce.com")
        if self.private_key_env is None:
            secret = from_environment(
                self.consumer_secret_env or "", "consumer secret of the Salesforce app"
            )
            return {"consumer_key": key, "consumer_secret": secret, "domain": domain}
        private_key = from_environment(self.private_key_env, "private key of the Salesforce app")
        return {
            "consumer_key": key,
            "username": self.username,
            # An environment variable often has its lines joined like this.
            "privatekey": private_key.replace("\\n", "\n"),
            "domain": "test" if ".sandbox." in self.instance_url else "login",
            "instance_url": domain,
        }
