"""Messages to a Slack channel: who entered and who left."""
