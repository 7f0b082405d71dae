# Everything runs inside .venv, which the first target to need it sets up.
# EXTRAS chooses the optional dependencies (demo, dev, eval); ARGS is passed on to the command.
EXTRAS ?= demo,dev
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed-$(EXTRAS)

.DEFAULT_GOAL := help
.PHONY: help demo test slow lint format bench eval-setup

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

demo: $(READY) ## open the demo in a browser page on this machine
	$(BIN)/python -m demo.app $(ARGS)

test: $(READY) ## run the tests, a few minutes on two cores
	$(BIN)/python -m pytest $(ARGS)

slow: $(READY) ## run all tests that need no GPU, the slow ones too
	$(BIN)/python -m pytest -m "not cuda" $(ARGS)

lint: $(READY) ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY) ## rewrite the files as lint wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## measure speed and memory with the packaged weights
	$(BIN)/vc bench $(ARGS)

eval-setup: ## install the judges that vc evaluate needs (wants a C++ compiler)
	@$(MAKE) --no-print-directory EXTRAS=$(EXTRAS),eval $(VENV)/.installed-$(EXTRAS),eval

# The stamp is named after the extras, so asking for more of them installs them.
# torch has no wheels for Python 3.15 and later within our pins.
$(READY): pyproject.toml
	@set -e; \
	if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  chosen=; bare=; \
	  for candidate in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do \
	    $$candidate -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15))' \
	      >/dev/null 2>&1 || continue; \
	    if $$candidate -c 'import venv, ensurepip' >/dev/null 2>&1; then chosen=$$candidate; break; fi; \
	    bare=$${bare:-$$candidate}; \
	  done; \
	  if [ -z "$$chosen" ] && [ -n "$$bare" ]; then \
	    echo "make: $$bare has no venv module; install it (Debian, Ubuntu: apt install python3-venv)" >&2; \
	    exit 2; \
	  elif [ -z "$$chosen" ]; then \
	    echo "make: no Python 3.10 to 3.14 found; install one, then run make again" >&2; \
	    exit 2; \
	  fi; \
	  echo "setting up $(VENV) with $$chosen: about 6 GB and a few minutes"; \
	  $$chosen -m venv --clear $(VENV); \
	else \
	  echo "installing [$(EXTRAS)] into $(VENV)"; \
	fi; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'; \
	touch $@
