"""Settings of the Slack destination."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from orchestration.destinations.base import Clock, Destination, HttpSettings
from orchestration.destinations.secrets import from_environment
from orchestration.destinations.values import shaped

# Slack documents about one message a second in a channel.
MESSAGES_PER_SECOND = 1.0


class SlackSettings(HttpSettings):
    """Which channel is told, and what the messages say."""

    # No `upsert`: a message cannot be updated to look like the member does now.
    modes: ClassVar[Sequence[str]] = ("mirror", "insert")
    # Of what a message can hold, lines of 200 characters.
    largest_batch: ClassVar[int] = 50

    channel: Annotated[
        str, shaped(r"[CDG][A-Z0-9]{6,}", "the channel's ID, such as C0123ABCD, not its name")
    ]
    """The channel's ID; messages can be read back by the ID alone, not by the name."""
    token_env: Annotated[str, Field(min_length=1)]
    """Name of the environment variable with the app's bot token (`xoxb-...`)."""
    title: Annotated[str, Field(min_length=1, max_length=150)] | None = None
    """How a message begins, say the segment's label; the sync's name if not given."""
    announce_changes: bool = False
    """Whether members whose columns changed are listed as well."""
    look_back_days: Annotated[int, Field(ge=1, le=90)] = 7
    """How far the channel is read back for messages that were never answered, in days."""
    base_url: Annotated[str, shaped(r"https://\S+", "an https:// address")] = (
        "https://slack.com/api/"
    )
    """Where the API is; GovSlack's is `https://slack-gov.com/api/`."""

    def connect(self, now: Clock) -> Destination:
        """Make the client, with its token from the environment.

        Raises:
            UsageError: the variable of the token is not set.
        """
        from orchestration.destinations.slack.client import SlackDestination

        return SlackDestination(
            from_environment(self.token_env, "bot token of the Slack app"),
            self.channel,
            title=self.title,
            announce_changes=self.announce_changes,
            look_back_days=self.look_back_days,
            base_url=self.base_url,
            timeout_seconds=self.timeout_seconds,
            max_retries=self.max_retries,
            requests_per_second=self.requests_per_second or MESSAGES_PER_SECOND,
            now=now,
        )
