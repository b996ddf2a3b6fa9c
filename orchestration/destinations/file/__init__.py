"""A CSV or Parquet file at any fsspec address."""
