# What is run by hand. `.ci/run` is what runs before a change lands.
PYTHON ?= python
SHELL = bash -o pipefail

.PHONY: help test smoke laws fuzz attack mutation bench lint types materials licences

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

test: ## every test, 50 examples a law (four minutes on two cores)
	$(PYTHON) -m pytest -q -n auto

smoke: ## every command once (seconds)
	$(PYTHON) -m pytest -q tests/test_smoke.py

laws: ## the laws, 400 examples each
	HYPOTHESIS_PROFILE=ci $(PYTHON) -m pytest -q -n auto -m hypothesis

fuzz: ## the readers, 10,000 examples each (about nine minutes)
	HYPOTHESIS_PROFILE=fuzz $(PYTHON) -m pytest -q --hypothesis-show-statistics tests/laws/test_fuzz.py

attack: ## 5,000 command lines, 1,000 damaged files, 200 signals, 300 faulty machines (about a quarter of an hour)
	$(PYTHON) -m tests.tools.attack

mutation: ## mutation testing of the selection (about ten minutes on two cores)
	rm -rf mutants
	HYPOTHESIS_PROFILE=mutation $(PYTHON) -m mutmut run 2>&1 | tr '\r' '\n' | sed -E '/[0-9]+\/[0-9]+ |Running|Generating/d'
	$(PYTHON) tests/tools/mutation_figures.py
	$(PYTHON) tests/tools/mutate_tables.py

bench: ## the benchmarks; docs/performance.md has the figures
	$(PYTHON) -m pytest -q tests/benchmarks --benchmark-enable --benchmark-columns=median,rounds

lint: ## ruff and the import rules
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	lint-imports

types: ## mypy, strict; mypy and pyright on the Python of README and docs
	$(PYTHON) -m mypy
	$(PYTHON) -m basedpyright --version
	$(PYTHON) -m pytest -q tests/test_typing.py

materials: ## the bill of materials: the package and all that it needs, as CycloneDX
	@$(PYTHON) -m tests.tools.dependencies materials

licences: ## the licences of the package and of all that it needs
	@$(PYTHON) -m tests.tools.dependencies licences
