"""Settings of the Salesforce destination."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from orchestration.destinations.base import Clock, Destination, HttpSettings
from orchestration.destinations.secrets import from_environment
from orchestration.destinations.values import shaped

ApiName = Annotated[
    str, shaped(r"[A-Za-z][A-Za-z0-9_]*", "an API name: letters, digits and underscores")
]
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
        str,
        shaped(
            r"https://[a-z0-9-]+(\.[a-z0-9-]+)*\.my\.salesforce\.com",
            "My Domain of the org, as https://acme.my.salesforce.com",
        ),
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
    campaign_id: (
        Annotated[
            str, shaped(r"701[A-Za-z0-9]{12}([A-Za-z0-9]{3})?", "a campaign's id, which begins 701")
        ]
        | None
    ) = None
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
    private_key_env: EnvironmentName | None = Field(default=None, validate_default=True)
    """Name of the environment variable with the private key in PEM (OAuth JWT bearer)."""

    @field_validator("campaign_id")
    @classmethod
    def _campaigns_hold_people(cls, campaign_id: str | None, info: ValidationInfo) -> str | None:
        if campaign_id is not None and info.data.get("object") not in ("Contact", "Lead"):
            raise ValueError("a campaign for `object` Contact or Lead alone")
        return campaign_id

    @field_validator("campaign_status")
    @classmethod
    def _is_of_a_campaign(cls, status: str | None, info: ValidationInfo) -> str | None:
        if status is not None and info.data.get("campaign_id") is None:
            raise ValueError("a status only together with `campaign_id`")
        return status

    @field_validator("private_key_env")
    @classmethod
    def _is_one_way_to_log_in(cls, private_key: str | None, info: ValidationInfo) -> str | None:
        named = (info.data.get("consumer_secret_env"), info.data.get("username"), private_key)
        if [name is not None for name in named] not in ([True, False, False], [False, True, True]):
            raise ValueError(
                "either `consumer_secret_env`, or `username` and `private_key_env`, beside "
                "`consumer_key_env`"
            )
        return private_key

    def lacks(self, mode: str) -> str | None:
        """What becomes of who leaves, where a mirror is to remove them."""
        if mode == "mirror" and self.campaign_id is None and not self.on_leave:
            return "`campaign_id` or `on_leave` for who leaves; without either, use the mode upsert"
        return None

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
