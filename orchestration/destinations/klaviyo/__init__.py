"""Profiles, lists and suppressions of Klaviyo."""
