# Needs git, make and Python 3.11 or newer with venv; everything else is installed into .venv, pinned and hashed.

PYTHON ?= $(firstword $(foreach name,python3.11 python3,$(shell $(name) -c \
	'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
PORT ?= 5000

INSTALLED := .venv/requirements.lock
RUN := .venv/bin/python -m
DEFAULT := $(shell sed -n 's/^  default: *\([a-z0-9_]*\).*/\1/p' params.yaml)
BENCHMARKS := $(shell sed -n '/^benchmarks:/,/^[a-z]/s/^  \([a-z0-9_]*\):.*/\1/p' params.yaml)
BENCHMARK ?= $(DEFAULT)
DETECTOR ?= $(shell awk '/^[a-z]/ {inside = /^pipeline:/} inside && /^  [a-z]/ {listed = /^  detectors:/} \
	inside && listed {sub(/\#.*/, ""); gsub(/detectors:|[],[-]/, " "); print}' params.yaml)
PAPER := $(shell sed -n '/^  paper:/,/^[a-z]/s/^  *\(paper: *\[\|- *\)\([a-z0-9_, ]*\).*/\2/p' params.yaml | tr , ' ')
# Splits that are not there go first, so that missing data stop a run before hours of training; the rest need no target
# of their own, for each of which DVC would read all of its lock file again.
UNSPLIT = $(foreach benchmark,$(PAPER),$(if $(wildcard data/splits/$(benchmark)/test),,pipeline/dvc.yaml:split@$(benchmark)))

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export MLFLOW_DISABLE_TELEMETRY ?= true
export DVC_NO_ANALYTICS ?= true
export NO_MKDOCS_2_WARNING ?= true
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help repro test paper compare sync ui tune dashboard docs faults performance release lock clean $(BENCHMARKS)

repro: $(INSTALLED)  ## run the default benchmark, as far as anything changed, and name its report
	@$(RUN) pipeline.preflight $(DEFAULT)
	$(RUN) pipeline.in_turn dvc --wait-for-lock repro
	@$(RUN) pipeline.sync
	@echo "Report: reports/$(DEFAULT)/report.html"

$(BENCHMARKS): $(INSTALLED)
	@$(RUN) pipeline.preflight $@
	$(RUN) pipeline.in_turn dvc --wait-for-lock repro pipeline/dvc.yaml:report@$@
	@$(RUN) pipeline.sync
	@echo "Report: reports/$@/report.html"

paper: $(INSTALLED)  ## run the benchmarks of the paper and put them side by side
	@$(RUN) pipeline.preflight $(PAPER)
	$(RUN) pipeline.in_turn dvc --wait-for-lock repro $(UNSPLIT) pipeline/dvc.yaml:paper
	@$(RUN) pipeline.sync
	@echo "Report: reports/paper/"

compare: $(INSTALLED)  ## show how two results differ: make compare A=HEAD~1:mnist B=mnist; OUT=file.md or file.csv keeps it
	@test -n "$(A)" && test -n "$(B)" || { echo "Name two results: make compare A=mnist B=fashion_mnist." >&2; exit 1; }
	@$(RUN) pipeline.compare "$(A)" "$(B)" $(if $(OUT),"$(OUT)")

test: $(INSTALLED)  ## lint, check types, run the tests
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	env -u MLFLOW_TRACKING_URI $(RUN) pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

sync: $(INSTALLED)  ## send the runs that MLflow lacks
	@$(RUN) pipeline.sync insist

ui: $(INSTALLED)  ## open MLflow on 127.0.0.1; PORT=5001 for another port
	@case "$$MLFLOW_TRACKING_URI" in \
	http*) echo "The runs are on the server that MLFLOW_TRACKING_URI names; open it in a browser." ;; \
	*) export MLFLOW_BACKEND_STORE_URI="$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}"; \
		exec env MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE=false \
		$(RUN) mlflow ui --host 127.0.0.1 --port $(PORT) --workers 1 \
		--allowed-hosts 127.0.0.1:$(PORT),localhost:$(PORT) --cors-allowed-origins http://127.0.0.1:$(PORT) ;; \
	esac

tune: $(INSTALLED)  ## go on with studies: make tune TRIALS=50, of the default benchmark or with BENCHMARK=, DETECTOR=
	@test -n "$(TRIALS)" || { echo "Name the number of trials in total: make tune TRIALS=50." >&2; exit 1; }
	@$(RUN) pipeline.grow $(BENCHMARK) $(TRIALS) $(if $(filter file,$(origin DETECTOR)),,$(DETECTOR))
	@$(RUN) pipeline.preflight $(BENCHMARK)
	$(RUN) pipeline.in_turn dvc --wait-for-lock repro $(DETECTOR:%=pipeline/dvc.yaml:tune@$(BENCHMARK)-%)
	@$(RUN) pipeline.sync
	@echo "make $(BENCHMARK) trains with the values that the trials chose, and reports on them."

dashboard: $(INSTALLED) requirements-dashboard.lock  ## browse a copy of all studies on 127.0.0.1; PORT=8081 for another port
	@$(RUN) pip install --disable-pip-version-check -qq --no-deps --require-hashes --requirement requirements-dashboard.lock
	@$(RUN) pipeline.dashboard $(if $(filter file,$(origin PORT)),8080,$(PORT))

docs: $(INSTALLED)  ## build the documentation into site/, every link checked
	@$(RUN) mkdocs build --strict --quiet
	@echo "Documentation: site/index.html"

faults: $(INSTALLED)  ## kill, fill disks and damage files in every stage of a small benchmark; every run must end alike
	@$(RUN) tests.faults

performance: $(INSTALLED)  ## measure speed, memory and scale, side by side: about an hour, on an idle machine
	@for script in convolutions training workers many_models scoring scaling large_data stage_imports no_op cold_start; do \
		$(RUN) performance.$$script || exit 1; done

release: $(INSTALLED)  ## keep the facts of a benchmark's numbers for git: make release BENCHMARK=mnist
	@test "$(origin BENCHMARK)" != file || { echo "Name the benchmark: make release BENCHMARK=mnist." >&2; exit 1; }
	@$(RUN) pipeline.release $(BENCHMARK)

lock:  ## renew requirements.lock from pyproject.toml; needs uv
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --quiet --output-file requirements.lock
	printf 'optuna-dashboard>=0.21,<0.22\nbottle>=0.13,<0.14\n' | uv pip compile - --no-deps --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --quiet --output-file requirements-dashboard.lock

clean:  ## remove all that the pipeline made but for reports, raw data and MLflow's record
	rm -rf runs data/splits site .cache .dvc/cache .dvc/tmp .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find alpa pipeline tests -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-22s%s\n", $$1, $$2 }' Makefile
	@for benchmark in $(BENCHMARKS); do printf 'make %-22s%s\n' $$benchmark "run this benchmark and name its report"; done

$(INSTALLED): requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is missing; install it, or name it: make PYTHON=/path/to/python3.11." >&2; exit 1; }
	@$(PYTHON) -c "import ensurepip, venv" 2>/dev/null || { echo "$(PYTHON) lacks venv; install it (on Debian and Ubuntu the package python3-venv)." >&2; exit 1; }
	@test ! -L .venv || { echo ".venv is a link to another environment, which installing would empty; remove the link." >&2; exit 1; }
	@echo "Installing the pinned packages into .venv: once, some minutes, some gigabytes."
	@$(PYTHON) -m venv --clear .venv
	@.venv/bin/python -m pip install --disable-pip-version-check --timeout 60 -qq \
		--require-hashes --requirement requirements.lock
	@cp requirements.lock $@
