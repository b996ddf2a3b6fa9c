"""The destinations there are, by the name that an exposure's meta uses."""

from collections.abc import Mapping

from orchestration.destinations.base import Settings
from orchestration.destinations.file.settings import FileSettings
from orchestration.destinations.sql_table.settings import SqlTableSettings
from orchestration.destinations.webhook.settings import WebhookSettings

DESTINATIONS: Mapping[str, type[Settings]] = {
    "file": FileSettings,
    "sql_table": SqlTableSettings,
    "webhook": WebhookSettings,
}
