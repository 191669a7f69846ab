# What a newcomer types. Each target first puts what it needs below build/; a second run puts nothing there.

# Debian's own where it serves: Debian keeps it safe, and its build is a fifth quicker than one made by hand often is.
PYTHON ?= $(shell /usr/bin/python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo /usr/bin/python3 || echo python3)
VENV := build/venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
NATS := build/bin/nats-server
PACKAGES := adapters broker consent_ledger handschlag schemas
ASSETS := adapters/web/static/vendor/kern.css
PURE := schemas,adapters.node.core,broker.core,consent_ledger.core
PURE_TESTS := tests/unit $(addprefix tests/flow/test_,tamper_matrix.py ledger_commands.py shards_audited.py log_key_audited.py pruning.py) tests/house/test_json_schemas.py
FAST_TESTS := $(addprefix tests/,unit property contract flow)
SOURCES = $(shell find $(PACKAGES) tests -type f -not -path '*/__pycache__/*')

# What starts a nats-server finds the one that was checked for its version first.
export PATH := $(CURDIR)/build/bin:$(PATH)

.DELETE_ON_ERROR:
.PHONY: help demo install screenshots postgresql chromium strace test test-all test-faults guards fast check bench clean venv lock pure coverage lint types layers dead deps house

help:
	@echo "make demo      a broker, two agencies and a ledger on this machine; KEEP=1 keeps what it made"
	@echo "make test      all tests but the long ones; test-all runs those too, fast only what takes seconds"
	@echo "make test-faults  kills a broker under load and lets its disk fail, again and again, within ten minutes"
	@echo "make guards    takes each guard of the promises out of a copy of the code, and sees that a test falls"
	@echo "make check     every quality gate"
	@echo "make screenshots  pictures of all pages, into build/screenshots"
	@echo "make bench     how fast it is on this machine"
	@echo "make install   PREFIX=/usr/local/handschlag: what a town hall runs, by docs/install.md"
	@echo "make venv      only install what the others need; clean deletes all that was made"
	@echo "make lock      pin the packages anew after a change in pyproject.toml; UPGRADE=1 takes newer versions"

demo: venv $(NATS)
	$(BIN)/handschlag demo $(if $(KEEP),--keep)

# Without coverage, which would double the time of whatever only computes; `make pure` and `make coverage` measure it.
test: venv $(NATS) postgresql chromium strace
	$(BIN)/python -m pytest -m "not long"

test-all: venv $(NATS) postgresql chromium strace
	$(BIN)/python -m pytest

# 50 kills, then faults at the disk for as long as SECONDS leave (480 unless set), with the coverage at the end.
test-faults: venv $(NATS) strace
	$(BIN)/python -m tests.faults $(SECONDS)

# Every condition and check that keeps a promise, one at a time, in a copy; half an hour for all.
guards: venv
	$(BIN)/python -m tests.guards

# Without coverage, so that the limits of 0.25 s for a test and 20 s for all are those of the code alone.
fast: venv
	$(BIN)/python -m pytest -m "not integration and not long and not slow" --enforce-speed $(FAST_TESTS)

# Pictures of the pages, for people to look at.
screenshots: venv $(NATS) chromium
	$(BIN)/python -m tests.browser.screenshots

bench: venv $(NATS) $(VENV)/.febrl4
	$(BIN)/python -m tests.benchmarks

check: lint types layers dead deps house fast pure

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv
	$(BIN)/mypy

layers: venv
	$(BIN)/lint-imports --no-logo --cache-dir build/import-linter

dead: venv
	$(BIN)/vulture

deps: venv
	$(BIN)/deptry .

house: venv
	$(BIN)/python -m pytest tests/house

# Pure code has no excuse for a branch no test takes. What `make coverage` measured since the last change is taken; where
# there is nothing, only pure code is measured, by tests that reach all of it in half a minute.
pure: venv
	@if $(MAKE) --question build/coverage.data >/dev/null 2>&1; then data=build/coverage.data; \
	else data=build/pure.data && $(MAKE) --no-print-directory $$data; fi && \
	$(BIN)/coverage report --data-file $$data --include 'schemas/*,*/core/*' --fail-under 100

# The whole has a few such branches, such as a disk that fails.
coverage: postgresql chromium strace build/coverage.data
	$(BIN)/coverage report --include 'schemas/*,*/core/*' --fail-under 100
	$(BIN)/coverage report --fail-under 95

build/coverage.data: $(VENV)/.product $(SOURCES) | $(NATS)
	$(BIN)/coverage run -m pytest -m "not long"

build/pure.data: $(VENV)/.product $(SOURCES)
	$(BIN)/coverage run --data-file $@ --source $(PURE) -m pytest -m "not integration and not long" $(PURE_TESTS)

$(VENV)/.febrl4: tests/benchmarks/requirements.lock $(VENV)/.locked
	$(PIP) install --no-deps --require-hashes --requirement $<
	@touch $@

venv: $(VENV)/.product $(ASSETS)

# A changed lock makes the environment anew, so that it never holds a package the lock has dropped.
$(VENV)/.locked: requirements-dev.lock
	@sh deploy/check_machine.sh $(PYTHON) build/bin
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

$(VENV)/.product: $(VENV)/.locked pyproject.toml
	$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

# The design system and the fonts of the pages.
$(ASSETS): deploy/pages/build.py deploy/pages/package-lock.json | $(VENV)/.locked
	$(BIN)/python deploy/pages/build.py
	@touch $@

# The agency's database of some tests; Debian's package, where root may install it.
postgresql:
	@sh deploy/install_postgresql.sh

# The browser of the tests of the pages; Debian's package, where root may install it.
chromium:
	@sh deploy/install_chromium.sh

# What makes a disk fail for some tests; Debian's package, where root may install it.
strace:
	@sh deploy/install_strace.sh

$(NATS): deploy/install_nats_server.sh | $(VENV)/.locked
	sh deploy/install_nats_server.sh build/bin
	@touch $@

# Hashes are those of the public index: a machine's own mirror or folder of wheels is left aside, and named nowhere.
lock: COMPILE = env -u PIP_EXTRA_INDEX_URL -u PIP_FIND_LINKS -u PIP_INDEX_URL PIP_CONFIG_FILE=/dev/null \
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet $(if $(UPGRADE),--upgrade) --allow-unsafe \
	--generate-hashes --no-emit-find-links --no-emit-index-url --strip-extras
lock: venv
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

# What a town hall runs: an environment of its own with the pinned packages, our wheel, nats-server and systemd's units.
install: venv $(NATS)
	@test -n "$(PREFIX)" || { echo "make install PREFIX=/usr/local/handschlag: says where to" >&2; exit 1; }
	rm -rf build/dist
	$(PIP) wheel --no-build-isolation --no-deps --wheel-dir build/dist .
	$(PYTHON) -m venv "$(PREFIX)"
	"$(PREFIX)/bin/python" -m pip --disable-pip-version-check install --require-hashes --requirement requirements.lock
	"$(PREFIX)/bin/python" -m pip --disable-pip-version-check install --no-deps --force-reinstall build/dist/handschlag-*.whl
	install -m 755 build/bin/nats-server "$(PREFIX)/bin/nats-server"
	install -d "$(PREFIX)/share/handschlag/systemd"
	install -m 644 deploy/systemd/*.service "$(PREFIX)/share/handschlag/systemd/"

clean:
	rm -rf build adapters/web/static/vendor adapters/node/papers/fonts .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
