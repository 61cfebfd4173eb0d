# run: the whole graph on the demo · ui: Dagster on localhost · test · lint · bench · lock: renew requirements.txt
PYTHON ?= python3
PORT ?= 3000
BIN := .venv/bin
export DVC_NO_ANALYTICS := 1
export DAGSTER_DISABLE_TELEMETRY := 1
export HF_HUB_DISABLE_TELEMETRY := 1

.PHONY: run ui test lint bench lock clean

run: .venv/installed
	@$(BIN)/pickwise run

ui: .venv/installed
	@$(BIN)/pickwise ui --port $(PORT)

test: .venv/installed
	@$(BIN)/python tests/browser.py
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/installed
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# Everything in the lock, then the project itself in place. Redone when the lock or the project's metadata changes.
.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Pickwise needs CPython 3.11 or newer; set one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the locked packages into .venv (once; a few minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Resolves pyproject.toml afresh. Names and releases only: no addresses, no local build tags, no CUDA packages
# (torch brings its own where it needs them).
lock:
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --dry-run --ignore-installed --report .venv/lock.json --editable '.[dev]'
	@$(BIN)/python -c "import json, re; \
	  found = {re.sub(r'[-_.]+', '-', i['metadata']['name']).lower(): i['metadata']['version'].split('+')[0] \
	    for i in json.load(open('.venv/lock.json'))['install']}; \
	  skip = re.compile(r'pickwise$$|nvidia-|cuda-|triton$$'); \
	  lines = [f'{n}=={v}' for n, v in sorted(found.items()) if not skip.match(n)]; \
	  open('requirements.txt', 'w').write('# The exact lock; renewed by make lock.\n' + '\n'.join(lines) + '\n'); \
	  print(len(lines), 'packages locked')"

clean:
	rm -rf .venv .dagster .pytest_cache .mypy_cache .ruff_cache
