PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
MARKS := not docs and not cells
TESTS = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "$(MARKS)"

.PHONY: demo test check exports others docs cells style quality conformance clean

# Export the default model to an int8 Core ML package, run that package, and ask it a question;
# where Apple's packages are installed, put the Core AI asset beside it.
demo: $(STAMP)
	$(BIN)/python -m export.coreml --quantize int8 --out build/demo --force
	if $(BIN)/python -c "import coreai_torch" 2>/dev/null; then \
	  $(BIN)/python -m export.coreai --quantize int8 --out build/demo; fi
	$(BIN)/python -m export.predict build/demo --passage tests/texts/passages.txt \
	  --question "When was the float process announced?"

# Everything, in two processes side by side.
test: $(STAMP)
	$(MAKE) --jobs 2 quality exports others

# What one runs while working: lint, types and the fast tests, in about two minutes on two cores.
check: $(STAMP)
	$(MAKE) --jobs 2 quality exports others MARKS="not slow and not docs and not cells"

# The tests in two parts that take about as long; MARKS says which of them.
exports: $(STAMP)
	$(TESTS) tests/export

others: $(STAMP)
	$(TESTS) tests --ignore tests/export

# Every command that the READMEs show, run in order in an empty folder.
docs: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m docs

# Export every model type for every task in every layout, and compare each with transformers.
cells: $(STAMP)
	$(BIN)/python -m pytest -m cells

quality: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Run Apple's own tests of the operations in the simulator and write its table (an hour).
conformance: $(STAMP)
	$(BIN)/python -m tests.conformance

style: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(STAMP): setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[test,teacher]'
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[coreai]' || \
	  echo "Core AI is left out: Apple has no wheels for this platform"
	touch $@

clean:
	rm -rf $(VENV) build
