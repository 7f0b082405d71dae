# Everything runs inside .venv, which the first target to need it sets up.
# EXTRAS chooses the optional dependencies (demo, dev, eval); ARGS is passed on to the command.
EXTRAS ?= demo,dev
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed-$(EXTRAS)

.DEFAULT_GOAL := help
.PHONY: help demo test slow lint format bench eval-setup train-voice train-summarizer

# What train-voice learns from and how long it takes (days:hours:minutes:seconds). These budgets
# are for two cores, the packaged weights took about as long.
CORPUS ?= ../shared/data/speech
FEATURES ?= features
VOICE_TIME ?= 00:01:30:00
REFINE_TIME ?= 00:01:00:00
SYNTHESISER_TIME ?= 00:00:40:00

# What train-summarizer learns from, and the minutes of its stages on two cores.
DOCUMENTS ?= ../shared/data/text/news_documents.txt.gz
SENTENCES ?= ../shared/data/text/news_headlines.txt.gz
SUMMARY_DATA ?= summary-data
SUMMARY_MINUTES ?= distil=45,mine=30,reconstruct=15,game=20,selftrain=15

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

# An interrupted run goes on where it was: call it again.
train-voice: $(READY) ## train voice weights from CORPUS into weights/voice, in three hours on two cores
	@# a few bad recordings are told, and are no reason to stop
	$(BIN)/vc prepare $(CORPUS) -o $(FEATURES) --waveforms || test -f $(FEATURES)/index.jsonl
	$(BIN)/vc fit --config configs/vc/base.yaml --data.features $(FEATURES) \
	  --trainer.default_root_dir runs/voice --trainer.max_time $(VOICE_TIME) \
	  $(if $(wildcard runs/voice/checkpoints/last.ckpt),--ckpt_path last)
	$(BIN)/vc export runs/voice -o runs/voice/weights --force
	$(BIN)/vc fit --config configs/vc/base.yaml --config configs/vc/refine.yaml \
	  --data.features $(FEATURES) --model.start_from runs/voice/weights \
	  --trainer.default_root_dir runs/voice-refined --trainer.max_time $(REFINE_TIME) \
	  $(if $(wildcard runs/voice-refined/checkpoints/last.ckpt),--ckpt_path last)
	$(BIN)/vc fit-synthesiser --config configs/vc/synthesiser.yaml --data.features $(FEATURES) \
	  --trainer.default_root_dir runs/synthesiser --trainer.max_time $(SYNTHESISER_TIME) \
	  $(if $(wildcard runs/synthesiser/checkpoints/last.ckpt),--ckpt_path last)
	$(BIN)/vc export runs/voice-refined -o weights/voice --synthesiser runs/synthesiser --force
	@# a corpus of few speakers is no reason to stop either
	$(BIN)/vc calibrate $(CORPUS) --weights weights/voice --force || \
	  echo "weights/voice is whole, but vc screen and vc voice invent know nothing of it"

# An interrupted run goes on where it was: call it again.
train-summarizer: $(READY) ## train summary weights from DOCUMENTS and SENTENCES into weights/summaries
	test -f $(SUMMARY_DATA)/config.json || \
	  $(BIN)/summarize prepare $(DOCUMENTS) $(SENTENCES) -o $(SUMMARY_DATA)
	$(BIN)/summarize train --stages all --data $(SUMMARY_DATA) -o runs/summaries \
	  --minutes $(SUMMARY_MINUTES) $(ARGS)
	$(BIN)/summarize export runs/summaries -o weights/summaries --force

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
