"""Reads and compiles the macros of dbt and of the project, for all that is forked from here.

dbt keeps what it makes of a macro by the macro's text, so one that a test edits is read anew.
"""

import atexit
import gc
import importlib
from pathlib import Path
from types import SimpleNamespace

from dbt.clients.jinja_static import statically_extract_macro_calls
from dbt_common.clients._jinja_blocks import BlockTag
from dbt_common.clients.jinja import extract_toplevel_blocks, parse, template_cache
from dbt_common.tests import enable_test_caching

PACKAGES = ["dbt.include.global_project", "dbt.include.duckdb", "dbt.include.postgres"]
BLOCKS = {"macro", "materialization", "test", "data_test"}  # as dbt's own reader of macros asks


def _files() -> list[Path]:
    folders = [Path(importlib.import_module(one).PACKAGE_PATH) for one in PACKAGES]
    folders.append(Path(__file__).resolve().parent.parent)
    return [path for folder in folders for path in (folder / "macros").rglob("*.sql")]


enable_test_caching()
for file in _files():
    # dbt reads files so, without white space at their ends.
    for block in extract_toplevel_blocks(file.read_text().strip(), BLOCKS, collect_raw_data=False):
        if isinstance(block, BlockTag) and block.full_block:
            parse(block.full_block)
            statically_extract_macro_calls(block.full_block, {})
            template_cache.get_node_template(SimpleNamespace(macro_sql=block.full_block))

gc.collect()
gc.freeze()  # so that collections of garbage in forks leave what they share alone
atexit.register(gc.unfreeze)
