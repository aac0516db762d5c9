# Everything is installed into .venv and node_modules, nothing into the system.
PYTHON ?= python3
VENV := .venv/bin/python
INSTALL := $(VENV) requirements/install.py
PYTEST := $(VENV) -m pytest
# A process for each core. tests/conftest.py says what stays in one process, and puts the longest first.
PARALLEL := $(PYTEST) -n auto --dist loadscope --no-loadscope-reorder
STANDINS := tests/unit/standins
NODE := tests/e2e/node
TREE := examples/tree
LOCK := $(VENV) -m uv pip compile --quiet --upgrade --universal --python-version 3.10 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command 'make locks'
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Some containers set it, and each of the programs that tests start is compiled again then.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test unit fuzz test-standins containers containers-all findings lint bench locks wheel clean help venv test-venv

run: venv ## generate the pipelines, then build, repair, validate and prove this machine's wheels
	$(VENV) gen_ci.py generate
	$(VENV) gen_ci.py run
	$(VENV) gen_ci.py run --spec $(TREE)/truewheel.yml --out $(TREE)/dist

test: test-venv $(NODE)/node_modules/.package-lock.json ## all tests but those of the stand-ins and of images; ARGS='-k name'
	$(PARALLEL) --ignore $(STANDINS) $(ARGS)

unit: test-venv ## the tests that build nothing and start few programs
	$(PARALLEL) -m 'not slow' tests/unit tests/cases --ignore $(STANDINS) $(ARGS)

test-standins: test-venv ## the tests of the stand-ins for GitLab and GitHub; .ci/run runs them where these have changed
	$(PYTEST) $(STANDINS) $(ARGS)

fuzz: test-venv ## the properties with many more examples, new ones each time
	$(PARALLEL) -m hypothesis --hypothesis-profile large $(ARGS)

containers: test-venv ## real images: a builder on a bare Debian, a wheel built in it; needs root, buildah, mmdebstrap
	$(PYTEST) tests/containers -m 'not seldom' $(ARGS)

containers-all: test-venv ## every run of containers: with podman, of more stages, with registries
	$(PYTEST) tests/containers $(ARGS)

findings: ## facts about other projects' software: which of them have changed
	@status=0; for script in findings/*-*.sh; do \
		if "$$script" >findings.log 2>&1; then echo "as recorded      $$script"; \
		elif [ $$? = 1 ]; then echo "CHANGED          $$script"; sed 's/^/    /' findings.log; status=1; \
		else echo "could not look   $$script"; tail -n 3 findings.log | sed 's/^/    /'; fi; \
	done; rm -f findings.log; exit $$status

lint: test-venv ## style, types, shell scripts, and the generated files against the spec
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy
	.venv/bin/shellcheck -x .ci/run scripts/*.sh findings/*.sh src/truewheel/forges/*.sh
	$(VENV) gen_ci.py check

bench: test-venv ## CPU time against bare programs that do the same; ARGS=--strict fails above a goal
	$(VENV) tests/bench/run.py $(ARGS)
	$(VENV) tests/bench/names.py
	$(VENV) tests/bench/watching.py

locks: test-venv ## renew requirements/*.txt and the locks of jobs and builder images from pyproject.toml and requirements/*.in
	$(LOCK) pyproject.toml --extra build --extra gitlab --output-file requirements/run.txt
	$(LOCK) requirements/test.in --output-file requirements/test.txt
	$(LOCK) pyproject.toml requirements/tools.in --extra build --extra gitlab --output-file src/truewheel/workspace/locks/truewheel-tools.txt
	$(LOCK) pyproject.toml requirements/jobs.in --extra build --extra gitlab --output-file src/truewheel/workspace/locks/truewheel-jobs.txt
	$(LOCK) requirements/uv.in --output-file src/truewheel/workspace/locks/truewheel-uv.txt
	$(LOCK) pyproject.toml requirements/verify.in --output-file src/truewheel/workspace/locks/truewheel-verify.txt

# Built by way of a source archive, so that no leftover of build/ gets in. The same bytes from the
# same setuptools: times are those of the last commit, unless SOURCE_DATE_EPOCH says another.
wheel: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 315532800)
wheel: venv ## Truewheel's own wheel, into build/wheel
	@rm -rf build/wheel src/truewheel.egg-info
	umask 022 && $(VENV) -m build --outdir build/wheel
	@rm -rf build/wheel/*.tar.gz src/truewheel.egg-info

clean: ## remove all that the other targets made
	rm -rf .venv build dist $(TREE)/build $(TREE)/dist plan.json .mypy_cache .ruff_cache .pytest_cache .hypothesis $(NODE)/node_modules

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

# Each environment holds a copy of the lock that it was made from. Another lock, another environment.
venv:
	@if ! [ -x $(VENV) ] || ! cmp -s requirements/run.txt .venv/run.txt; then \
		if [ -L .venv ]; then \
			echo ".venv is a link to $$(readlink .venv), which has no environment for this lock: it is not emptied." >&2; \
			echo "Make that one from its own checkout, or remove the link." >&2; \
			exit 1; \
		fi; \
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
