# Needs python3 (3.11 or newer, with venv) and make. The first target that runs builds the rest:
# a pinned uv in .uv, and an environment from a hash-locked list of requirements.
PYTHON ?= python3
UV := .uv/bin/uv
MEMBERS := core $(wildcard plugins/*) $(wildcard integrations/*)
# The demo shows core and the plugins; notebooks and test tools stay out of it.
DEMO_MEMBERS := core plugins/openlineage plugins/secrets
EDITABLE = $(addprefix --editable ,$(1))
INSTALL = $(UV) pip install --quiet --no-deps --no-build-isolation
export UV_PYTHON_DOWNLOADS := never

# What core compiles, where there is a compiler.
KERNELS := $(wildcard core/src/maskline/_kernels/native/*) core/setup.py

KERNEL_TESTS := $(addprefix tests/,test_ff1.py test_hashes.py test_json_kernels.py \
  test_kernels.py test_scan.py test_tokens.py)

.PHONY: help demo test native sanitize redteam fuzz evaluate bench check format lock clean
help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: .demo/ready ## Mask a small shop database, and write a report of it
	.demo/bin/maskline demo

test: .venv/native ## Run every test of every member
	.venv/bin/pytest

native: .venv/native ## Compile the kernels
.venv/native .bench/native: %/native: $(KERNELS) %/ready
	rm -f core/src/maskline/_kernels/_native.*.so
	cd core && ../$*/bin/python setup.py --quiet build_ext --inplace
	@touch $@

# The interpreter is not built with the sanitizers, so their library is loaded first; and it keeps
# memory until it ends, so that leaks cannot be told apart.
SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
sanitize: .venv/native ## Run the compiled kernels' tests under the sanitizers, with and without SIMD
	@cd core; status=0; for flags in "$(SANITIZE)" "$(SANITIZE) -DKERNELS_PORTABLE"; do \
	  CFLAGS="$$flags" ../.venv/bin/python setup.py --quiet build_ext --inplace --force && \
	  MASKLINE_KERNELS=native ASAN_OPTIONS=detect_leaks=0 \
	    LD_PRELOAD="$$($(CC) -print-file-name=libasan.so)" \
	    ../.venv/bin/pytest --quiet $(KERNEL_TESTS) || status=1; \
	done; ../.venv/bin/python setup.py --quiet build_ext --inplace --force; exit $$status

fuzz: .venv/native ## Ask ten times as many random queries; SEED=... repeats a run
	@seed=$${SEED:-$$(date +%s)}; echo "make fuzz SEED=$$seed"; \
	MASKLINE_ORACLE_SEED=$$seed MASKLINE_ORACLE_ROUNDS=10 \
	.venv/bin/pytest tests/oracle/test_differential.py tests/oracle/test_worlds.py

redteam: .venv/native ## Attack maskline on all engines, and print a scoreboard
	.venv/bin/pytest --quiet tests/redteam

# Presidio has no language model here, and every recognizer that needs none.
evaluate: .venv/native ## Measure detection beside Presidio; DATA=folder adds sets, ARGS="--format html" options
	@MASKLINE_PRESIDIO_CONFIG=plugins/presidio/every.yaml .venv/bin/maskline evaluate \
	  core/tests/data/prose.txt $(if $(DATA),$(sort $(wildcard $(DATA)/*.jsonl $(DATA)/*.txt))) \
	  --plugins secrets --against presidio $(ARGS)

bench: .bench/native ## Measure maskline beside others; ARGS="--rows 50000" goes to benchmarks/run.py
	.bench/bin/python benchmarks/run.py $(ARGS)

check: .venv/ready ## Locks, format, lint, types, floors
	.venv/bin/python tools/lock.py --check
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: .venv/ready ## Let ruff tidy up
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

lock: .venv/ready ## Resolve the requirements anew
	.venv/bin/python tools/lock.py

clean: ## Remove what the other targets built
	rm -rf .uv .bench .demo .venv

.demo/ready: requirements/demo.txt $(addsuffix /pyproject.toml,$(DEMO_MEMBERS)) | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) .demo
	$(UV) pip sync --quiet --python .demo requirements/demo.txt
	$(INSTALL) --python .demo $(call EDITABLE,$(DEMO_MEMBERS))
	@touch $@

.bench/ready: requirements/bench.txt core/pyproject.toml | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) .bench
	$(UV) pip sync --quiet --python .bench requirements/bench.txt
	$(INSTALL) --python .bench $(call EDITABLE,core)
	@touch $@

.venv/ready: requirements/all.txt $(addsuffix /pyproject.toml,$(MEMBERS)) | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) .venv
	$(UV) pip sync --quiet --python .venv requirements/all.txt
	$(INSTALL) --python .venv $(call EDITABLE,$(MEMBERS))
	@touch $@

$(UV): requirements/uv.txt
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --require-hashes --requirement requirements/uv.txt
	@touch $@
