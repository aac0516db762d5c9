# Everything is installed into .venv and node_modules, nothing into the system.
PYTHON ?= python3
VENV := .venv/bin/python
INSTALL := $(VENV) -m pip install --quiet --require-hashes -r
NODE := tests/e2e/node
TREE := examples/tree
LOCK := $(VENV) -m uv pip compile --quiet --upgrade --universal --python-version 3.10 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command 'make locks'
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test containers lint bench locks clean help venv test-venv

run: venv ## generate the pipelines, then build, repair, validate and prove this machine's wheels
	$(VENV) gen_ci.py generate
	$(VENV) gen_ci.py run
	$(VENV) gen_ci.py run --spec $(TREE)/truewheel.yml --out $(TREE)/dist

test: test-venv $(NODE)/node_modules/.package-lock.json ## all tests; choose with ARGS='-m "not slow"'
	$(VENV) -m pytest $(ARGS)

containers: test-venv ## real images: a builder on a bare Debian, a wheel built in it; needs root, buildah, mmdebstrap
	$(VENV) -m pytest tests/containers $(ARGS)

lint: test-venv ## style, types, shell scripts, and the generated files against the spec
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy
	.venv/bin/shellcheck .ci/run scripts/*.sh src/truewheel/forges/*.sh
	$(VENV) gen_ci.py check

bench: test-venv ## CPU time against bare programs that do the same; ARGS=--strict fails above a goal
	$(VENV) tests/bench/run.py $(ARGS)
	$(VENV) tests/bench/names.py
	$(VENV) tests/bench/watching.py

locks: test-venv ## renew requirements/*.txt and the locks of builder images from pyproject.toml and requirements/*.in
	$(LOCK) pyproject.toml --extra build --output-file requirements/run.txt
	$(LOCK) requirements/test.in --output-file requirements/test.txt
	$(LOCK) pyproject.toml requirements/tools.in --extra build --output-file src/truewheel/workspace/locks/truewheel-tools.txt
	$(LOCK) requirements/uv.in --output-file src/truewheel/workspace/locks/truewheel-uv.txt

clean: ## remove all that the other targets made
	rm -rf .venv build dist $(TREE)/build $(TREE)/dist plan.json .mypy_cache .ruff_cache .pytest_cache .hypothesis $(NODE)/node_modules

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

# Each environment holds a copy of the lock that it was made from. Another lock, another environment.
venv:
	@if ! [ -x $(VENV) ] || ! cmp -s requirements/run.txt .venv/run.txt; then \
		echo "making .venv with $(PYTHON)" && \
		if ! $(PYTHON) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then \
			echo "$(PYTHON) is not Python 3.10 or newer with its venv module." >&2; \
			echo "Install one (Debian, Ubuntu: apt-get install python3-venv) or name it: make PYTHON=python3.12" >&2; \
			exit 1; \
		fi && \
		$(PYTHON) -m venv --clear .venv && $(INSTALL) requirements/run.txt && cp requirements/run.txt .venv; \
	fi

test-venv: venv
	@cmp -s requirements/test.txt .venv/test.txt || \
		{ echo "adding the test tools to .venv" && $(INSTALL) requirements/test.txt && cp requirements/test.txt .venv; }

# A home folder that cannot be written is no reason to fail: npm gets a cache of its own.
$(NODE)/node_modules/.package-lock.json: $(NODE)/package-lock.json
	@if command -v npm >/dev/null; then \
		npm ci --prefix $(NODE) --cache .venv/npm --ignore-scripts --no-audit --no-fund; \
	else \
		echo "npm is missing: tests that run GitLab pipelines are skipped" >&2; \
	fi
