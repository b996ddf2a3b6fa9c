"""A table in a database that SQLAlchemy reaches, written in one transaction per batch."""
