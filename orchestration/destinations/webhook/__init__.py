"""Signed JSON batches, posted to an HTTP address."""
