"""Contacts and lists of HubSpot."""
