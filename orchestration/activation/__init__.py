"""Delivers audiences to destinations, with a ledger in the warehouse that says what they hold."""
