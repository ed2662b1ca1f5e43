# The two commands: `make demo` and `make test`. Everything they need is set up by the rules below.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
DURATION ?=
PBX    ?= simulated
# Many tests wait for a telephone: meanwhile another file of tests can run.
PROCESSES ?= 2

.PHONY: demo test check bench bench-rules bench-reads bench-pages bench-pbx bench-scores bench-replicas \
        chaos soak install lock clean
.DELETE_ON_ERROR:

demo: $(VENV)/.run
	@$(BIN)/postcall demo --pbx $(PBX) $(if $(DURATION),--duration $(DURATION))

install: $(VENV)/.run

test: $(VENV)/.dev
	$(BIN)/pytest --numprocesses $(PROCESSES) --dist loadfile $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Side by side with what one would use instead: some minutes.
bench: $(VENV)/.dev
	$(BIN)/python -m bench $(ARGS)

# Ten million generated surveys: 12 GB of disk and a quarter of an hour.
bench-rules: $(VENV)/.dev
	$(BIN)/python -m bench.rules_bench $(ARGS)

# One replica against three on one PostgreSQL, a minute or two.
bench-replicas: $(VENV)/.dev
	$(BIN)/python -m bench.replicas_bench $(ARGS)

# A million generated ratings: 1 GB of disk and a few minutes.
bench-reads: $(VENV)/.dev
	$(BIN)/python -m bench.read_bench $(ARGS)

# A million ratings with all that is behind them: 3 GB of disk and some minutes, then every page and the API.
bench-pages: $(VENV)/.dev
	$(BIN)/python -m bench.pages_bench $(ARGS)

# Ten million ratings on SQLite, a hundred million on PostgreSQL: 25 GB of disk for a while, and an hour.
bench-scores: $(VENV)/.dev
	$(BIN)/python -m bench.scores_bench $(ARGS)

# Beside a real Asterisk with SIP telephones: some minutes.
bench-pbx: $(VENV)/.dev
	$(BIN)/python -m bench.pbx_bench $(ARGS)

# An hour and a half: the service is killed a thousand times under load, PostgreSQL is away for ten minutes, and of two and
# of three replicas one is killed sixty times; `make test` does the same for seconds.
chaos: $(VENV)/.dev
	CHAOS_KILLS=1000 CHAOS_OUTAGE_SECONDS=600 CHAOS_REPLICA_KILLS=60 $(BIN)/pytest tests/chaos -s $(ARGS)

# 24 hours of calls at 20 times their speed, which takes 72 minutes: what the service holds meanwhile.
soak: $(VENV)/.dev
	SOAK_HOURS=24 SOAK_SPEED=20 SOAK_PLOT=docs/performance/soak.svg $(BIN)/pytest tests/chaos/test_soak.py -s $(ARGS)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: locks/run.txt pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r locks/run.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(VENV)/.dev: locks/dev.txt $(VENV)/.run
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r locks/dev.txt
	@touch $@

# Pins every version with its hashes; run it by hand after a change of pyproject.toml's dependencies.
lock: $(BIN)/python
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --python-version 3.11 --universal \
	  --generate-hashes --no-header --no-annotate --quiet -o locks/dev.txt
	$(BIN)/uv pip compile pyproject.toml --extra build --python-version 3.11 --universal -c locks/dev.txt \
	  --generate-hashes --no-header --no-annotate --quiet -o locks/run.txt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
