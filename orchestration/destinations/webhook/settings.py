"""Settings of the webhook destination."""

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator

from orchestration.destinations.base import MODES, Clock, HttpSettings, value_or_environment
from orchestration.destinations.secrets import from_environment
from orchestration.errors import UsageError

if TYPE_CHECKING:
    from orchestration.destinations.webhook.client import WebhookDestination

# What the client sets itself: a setting would break the signature or its meaning.
_OWN_HEADERS = frozenset(
    {
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    }
)
_ADDRESS = "an http:// or https:// address, or env:NAME for one in an environment variable"


def is_http(url: str) -> bool:
    """Tell whether `url` is an absolute http or https address."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_address(url: str) -> str:
    if not url.removeprefix("env:") or not (url.startswith("env:") or is_http(url)):
        raise ValueError(_ADDRESS)
    return url


Address = Annotated[str, AfterValidator(_is_address)]
"""An http(s) address, or `env:NAME`."""


class WebhookSettings(HttpSettings):
    """Where batches are posted and how they are signed."""

    modes = MODES

    url: Address
    secret_env: Annotated[str, Field(min_length=1)]
    """Name of the environment variable with the signing secret: base64, maybe after `whsec_`."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Further headers; a value may be `env:NAME`."""

    @field_validator("headers")
    @classmethod
    def _leaves_own_headers_alone(cls, headers: dict[str, str]) -> dict[str, str]:
        if any(name.lower() in _OWN_HEADERS for name in headers):
            raise ValueError(f"headers other than {', '.join(sorted(_OWN_HEADERS))}")
        return headers

    def connect(self, now: Clock) -> "WebhookDestination":
        """Make the client, with address and secret read from the environment where it is said so.

        Raises:
            UsageError: a variable is not set, or does not hold an address or a base64 secret.
        """
        from orchestration.destinations.webhook.client import WebhookDestination, decode_secret

        url = value_or_environment(self.url, "address of the webhook")
        if not is_http(url):
            raise UsageError(f"`url` is {self.url!r}, which does not hold {_ADDRESS}")
        secret = decode_secret(from_environment(self.secret_env, "webhook's secret"))
        if secret is None:
            raise UsageError(
                f"environment variable {self.secret_env} does not hold a signing secret; "
                "accepted: base64 text, with or without whsec_ before it"
            )
        headers = {
            name: value_or_environment(value, f"value of header {name}")
            for name, value in self.headers.items()
        }
        return WebhookDestination(
            url,
            secret,
            timeout_seconds=self.timeout_seconds,
            max_retries=self.max_retries,
            requests_per_second=self.requests_per_second,
            headers=headers,
            now=now,
        )
