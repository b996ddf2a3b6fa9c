"""Contacts at Intercom who carry a tag."""
