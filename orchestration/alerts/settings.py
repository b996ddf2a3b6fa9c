"""Settings of alerts: the variable `alerts` of dbt_project.yml."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core.core_schema import ValidationInfo

from orchestration.destinations.base import problems
from orchestration.destinations.values import shaped
from orchestration.destinations.webhook.settings import Address
from orchestration.errors import UsageError
from orchestration.project import project_vars

Mailbox = Annotated[str, shaped(r"[!-~]+@[!-~]+", "an e-mail address, such as ops@example.com")]
EnvironmentName = Annotated[str, Field(min_length=1)]
"""Name of an environment variable, or of a line of the secrets file."""


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Channel(_Group):
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Longest wait for the connection, and for each part of the answer, in seconds."""


class WebhookChannel(_Channel):
    """An address that takes signed JSON."""

    url: Address
    secret_env: EnvironmentName
    """The signing secret: base64, maybe after `whsec_`."""


class SlackChannel(_Channel):
    """An incoming webhook of a Slack app."""

    webhook_url_env: EnvironmentName
    """The webhook's address, which is a credential as a whole."""


class EmailChannel(_Channel):
    """A mail server that takes messages."""

    host: Annotated[str, shaped(r"\S+", "the name of a mail server")]
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    sender: Annotated[Mailbox, Field(alias="from")]
    to: Annotated[list[Mailbox], Field(min_length=1)]
    password_env: EnvironmentName | None = None
    username_env: Annotated[EnvironmentName | None, Field(validate_default=True)] = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    """TLS after the greeting, TLS from the start, or none."""

    @field_validator("username_env")
    @classmethod
    def _goes_with_password(cls, username: str | None, info: ValidationInfo) -> str | None:
        if (username is None) != (info.data.get("password_env") is None):
            raise ValueError("username_env and password_env together, or neither")
        return username

    @field_validator("security")
    @classmethod
    def _protects_password(cls, security: str, info: ValidationInfo) -> str:
        if security == "none" and info.data.get("username_env") is not None:
            raise ValueError("starttls or tls, since a password is sent")
        return security


class AlertSettings(_Group):
    """When something is an alert, how often it is told, and to whom."""

    max_hours_without_refresh: Annotated[float, Field(gt=0)] = 3.0
    remind_after_hours: Annotated[float, Field(gt=0)] = 24.0
    """Hours after which an alert that is still open is told again."""
    webhook: WebhookChannel | None = None
    slack: SlackChannel | None = None
    email: EmailChannel | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "AlertSettings":
        """The settings as the project says them.

        Raises:
            UsageError: one line for each thing that is wrong, and what is accepted.
        """
        try:
            return cls.model_validate(dict(settings))
        except ValidationError as error:
            lines = problems(cls, error, prefix="alerts.")
            raise UsageError("\n".join(f"dbt_project.yml: {line}" for line in lines)) from None

    @classmethod
    def read(cls) -> "AlertSettings":
        """Those of this project; raises as `of`."""
        return cls.of(project_vars().get("alerts") or {})

    @property
    def channels(self) -> list[str]:
        """The channels that are configured."""
        return [name for name in ("webhook", "slack", "email") if getattr(self, name) is not None]
