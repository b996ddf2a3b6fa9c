"""What Dagster shows: dbt's models, the audit, published segments and destinations, as assets."""
