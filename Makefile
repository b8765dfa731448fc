# Everything installs itself: Python 3.11 or newer, git and make are all that must be there.
PYTHON ?= python3
USE_CASE ?= flight_delays
export DAGSTER_HOME ?= $(CURDIR)/.dagster
export DAGSTER_DISABLE_TELEMETRY = yes
export ORT_DISABLE_TELEMETRY = 1
BIN = .venv/bin
PIP = -m pip --disable-pip-version-check install --quiet --no-compile --no-deps --require-hashes
# Once, on all processors: without it every start compiles where bytecode may not be written.
COMPILE = -m compileall -q -j 0

.PHONY: run test ui serve bench lint lock clean

run: .venv/run.installed .venv-dvc/installed
	$(BIN)/mlops run $(USE_CASE)

ui: .venv/run.installed .venv-dvc/installed
	$(BIN)/mlops reports --port 3001 -- $(BIN)/dg dev --host 127.0.0.1 --port 3000

serve: .venv/run.installed
	$(BIN)/mlops serve $(USE_CASE)

test: .venv/test.installed .venv-dvc/installed .venv/browser.checked .venv/runtimes.installed
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: .venv/test.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/test.installed .venv-dvc/installed
	$(BIN)/python benchmarks/data_stage.py
	$(BIN)/python benchmarks/quantization.py
	$(BIN)/python benchmarks/explanations.py
	$(BIN)/python benchmarks/orchestration.py
	$(BIN)/python benchmarks/batch_predictions.py
	$(BIN)/python benchmarks/serving.py

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv .venv

.venv/run.installed: requirements.lock pyproject.toml | .venv/bin/python
	@echo "installing the project's requirements"
	$(BIN)/python $(PIP) -r requirements.lock
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python $(COMPILE) .venv/lib >/dev/null || true
	@touch $@

.venv/test.installed: requirements-dev.lock .venv/run.installed
	@echo "installing what the tests need"
	$(BIN)/python $(PIP) -r requirements-dev.lock
	@touch $@

# DVC's dependencies and Dagster's exclude each other, so DVC has its own environment.
.venv-dvc/installed: requirements-dvc.lock | .venv/bin/python
	@echo "installing DVC"
	$(PYTHON) -m venv .venv-dvc
	.venv-dvc/bin/python $(PIP) -r requirements-dvc.lock
	.venv-dvc/bin/python $(COMPILE) .venv-dvc/lib >/dev/null || true
	ln -sf ../../.venv-dvc/bin/dvc $(BIN)/dvc
	@touch $@

# The browser tests need a Chrome or Chromium; without one, they are reported as not run.
.venv/browser.checked: | .venv/bin/python
	@if ! command -v chromium chromium-browser google-chrome >/dev/null 2>&1 \
	    && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    echo "installing Chromium"; \
	    { apt-get -qq update && apt-get -qq install -y chromium; } >/dev/null 2>&1 || true; \
	fi
	@touch $@

# The tests in other languages need Node.js; without it, they are reported as not run.
.venv/runtimes.installed: tests/runtimes/package-lock.json | .venv/bin/python
	@if command -v npm >/dev/null 2>&1; then \
	    echo "installing ONNX Runtime for JavaScript"; \
	    npm ci --prefix tests/runtimes --ignore-scripts --no-audit --no-fund >/dev/null 2>&1 || true; \
	fi
	@touch $@

# Needs uv. The lock files hold names, versions and hashes, and no address.
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
       --no-emit-index-url --no-annotate --no-header
lock:
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(LOCK) --group dvc -o requirements-dvc.lock
	$(LOCK) pyproject.toml --group deploy -c requirements.lock -o requirements-deploy.lock
	$(LOCK) --group serving -c requirements.lock -o requirements-serving.lock

clean:
	rm -rf artifacts .dvc/cache .dagster/history .dagster/storage .dagster/schedules .dagster/logs dvc.lock
