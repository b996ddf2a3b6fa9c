"""The destinations there are, by the name that an exposure's meta uses."""

from collections.abc import Mapping

from orchestration.destinations.base import Settings
from orchestration.destinations.file.settings import FileSettings
from orchestration.destinations.hubspot.settings import HubSpotSettings
from orchestration.destinations.intercom.settings import IntercomSettings
from orchestration.destinations.klaviyo.settings import KlaviyoSettings
from orchestration.destinations.mailchimp.settings import MailchimpSettings
from orchestration.destinations.salesforce.settings import SalesforceSettings
from orchestration.destinations.slack.settings import SlackSettings
from orchestration.destinations.sql_table.settings import SqlTableSettings
from orchestration.destinations.webhook.settings import WebhookSettings
from orchestration.destinations.zendesk.settings import ZendeskSettings

DESTINATIONS: Mapping[str, type[Settings]] = {
    "file": FileSettings,
    "hubspot": HubSpotSettings,
    "intercom": IntercomSettings,
    "klaviyo": KlaviyoSettings,
    "mailchimp": MailchimpSettings,
    "salesforce": SalesforceSettings,
    "slack": SlackSettings,
    "sql_table": SqlTableSettings,
    "webhook": WebhookSettings,
    "zendesk": ZendeskSettings,
}
