"""The destinations there are, by the name that an exposure's meta uses."""

from collections.abc import Mapping

from orchestration.destinations.base import Settings
from orchestration.destinations.file.settings import FileSettings
from orchestration.destinations.intercom.settings import IntercomSettings
from orchestration.destinations.mailchimp.settings import MailchimpSettings
from orchestration.destinations.webhook.settings import WebhookSettings

DESTINATIONS: Mapping[str, type[Settings]] = {
    "file": FileSettings,
    "intercom": IntercomSettings,
    "mailchimp": MailchimpSettings,
    "webhook": WebhookSettings,
}
