"""The `dbt` command, for `python -m`."""

from dbt.cli.main import cli

if __name__ == "__main__":
    cli()
