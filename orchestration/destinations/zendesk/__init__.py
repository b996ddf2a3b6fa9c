"""Users of Zendesk with a segment's tag, and the groups that their tickets go to."""
