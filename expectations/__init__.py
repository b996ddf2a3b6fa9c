"""The audit: what Great Expectations checks before anybody may read a refresh.

Importing this package is cheap. Great Expectations takes seconds to import, so only
`validation`, `datasource`, `custom` and `docs_site` import it, and only `audit()` imports them.
"""
