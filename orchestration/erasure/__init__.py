"""Erasure of a person from what Strata keeps over runs; docs/erasure.md has the whole procedure."""
