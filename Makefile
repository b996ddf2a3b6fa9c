# Everything here needs Python 3.11 and make; `make help` lists the targets.
PYTHON ?= python3.11
BIN := .venv/bin
LINT_SQL = STRATA_DUCKDB_PATH=target/lint.duckdb $(BIN)/sqlfluff lint
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
export DAGSTER_DISABLE_TELEMETRY := yes

.PHONY: help setup demo test two-days check lint format docs benchmark benchmark-segments benchmark-tools benchmark-audit benchmark-sync benchmark-definitions dagster lock clean test-servers

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

setup: .venv/installed  ## make .venv and install everything into it

.venv/installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev,postgres,matching,destinations,gcs,drt,otel,server,containers]'
	@touch $@

demo: setup  ## load the demo company, refresh its segments, deliver its audiences
	@$(BIN)/strata demo

test: setup test-servers  ## run every test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

two-days: setup  ## 48 hourly ticks of Dagster with kills, a lock, an outage and an edit, and what is told of each fault (as long as 110 refreshes take)
	$(BIN)/python -m pytest tests/endurance

check: setup  ## the fast inner loop: lint what changed since main, parse, unit tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@mkdir -p target
	@changed=$$({ git diff --name-only --diff-filter=d $$(git merge-base HEAD main 2>/dev/null || echo HEAD); \
	  git ls-files --others --exclude-standard; } | grep -E '^(models|tests/data|tests/macros)/.*\.sql$$' | sort -u); \
	if [ -n "$$changed" ]; then $(LINT_SQL) $$changed; \
	else $(BIN)/dbt --quiet parse; fi
	$(BIN)/python -m pytest tests/unit -m 'not slow' -q -n 2 --dist loadfile

lint: setup  ## ruff, mypy, sqlfluff, everything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@mkdir -p target
	$(LINT_SQL) models tests/data tests/macros --processes 2

format: setup  ## let ruff and sqlfluff rewrite what they can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	STRATA_DUCKDB_PATH=target/lint.duckdb $(BIN)/sqlfluff fix models tests/data tests/macros

docs: setup  ## write the generated pages: docs/source-map.md and docs/catalogue.md
	@$(BIN)/strata source-map
	@$(BIN)/strata catalogue

benchmark: setup  ## an hourly refresh against a full build, 200,000 people (takes minutes)
	$(BIN)/python -m benchmarks.incremental

benchmark-segments: setup  ## 100 segments of 1,000,000 customers against SQL by hand (takes minutes)
	$(BIN)/python -m benchmarks.segments

benchmark-tools: setup  ## strata preview, diff, explain, ... at 10,000 and 1,000,000 customers
	$(BIN)/python -m benchmarks.segments --tools

benchmark-audit: setup  ## what auditing adds to an hourly refresh, 100,000 and 200,000 people
	$(BIN)/python -m benchmarks.audit

benchmark-definitions: setup  ## what loading the definitions adds to the imports of Dagster
	$(BIN)/python -m benchmarks.definitions

benchmark-sync: setup  ## delivering 1,000,000 members through the ledger, and the plan, against drt and a bare join
	$(BIN)/python -m benchmarks.syncs

dagster: setup  ## open Dagster's UI on http://127.0.0.1:3000
	@mkdir -p .dagster
	@test -f .dagster/dagster.yaml || printf 'telemetry: {enabled: false}\nnux: {enabled: false}\n' > .dagster/dagster.yaml
	DAGSTER_HOME=$(CURDIR)/.dagster $(BIN)/dagster dev -m orchestration.definitions -h 127.0.0.1

lock: setup  ## pin every dependency again, in requirements.lock
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --no-emit-index-url --no-header --all-extras --python-version 3.11 pyproject.toml -o requirements.lock

clean:  ## remove everything that was generated, the demo's warehouse included
	rm -rf target logs deliveries .dagster strata.duckdb strata.duckdb.wal .mypy_cache .pytest_cache .ruff_cache

# The tests start servers of their own: a PostgreSQL cluster, OpenSSH's SFTP, and Prism, which
# answers by the API specification of a destination; and Chromium, to look at Dagster's UI. Where
# their programs are missing and the machine lets us, they are installed. Where it does not, those
# tests say so and are skipped.
PRISM := @stoplight/prism-cli@5.14.2
test-servers:
	@missing=; \
	  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="postgresql"; \
	  test -x /usr/sbin/sshd || command -v sshd >/dev/null || missing="$$missing openssh-server"; \
	  command -v chromium >/dev/null && command -v chromedriver >/dev/null || \
	    missing="$$missing chromium chromium-driver"; \
	  if [ -n "$$missing" ]; then \
	    { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	      apt-get update -qq && \
	      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; } || \
	    echo "Not installed, so their tests will be skipped: $$missing"; fi
	@test -x .venv/prism/node_modules/.bin/prism || \
	  { command -v npm >/dev/null && mkdir -p .venv/prism && \
	    npm install --prefix .venv/prism --silent --no-audit --no-fund --no-package-lock $(PRISM) >/dev/null; } || \
	  echo "Prism is not installed (npm), so its tests will be skipped"
