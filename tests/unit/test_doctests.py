"""The examples in the docstrings are true, and every public thing that can be shown in a line has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import linrep_core

MODULES = sorted(module.name for module in pkgutil.iter_modules(linrep_core.__path__) if not module.ispkg)
OUTSIDE = {"_checks"}  # not public


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name):
    module = importlib.import_module(f"linrep_core.{name}")
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", [name for name in MODULES if name not in OUTSIDE])
def test_every_public_name_says_what_it_is(name):
    module = importlib.import_module(f"linrep_core.{name}")
    assert module.__doc__
    own = {n: v for n, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__}
    public = {n: v for n, v in own.items() if not n.startswith("_") and callable(v)}
    silent = [n for n, v in public.items() if not inspect.getdoc(v)]
    for cls in (v for v in public.values() if inspect.isclass(v)):
        silent += [
            f"{cls.__name__}.{n}"
            for n, v in vars(cls).items()
            if not n.startswith("_") and (inspect.isfunction(v) or isinstance(v, property | classmethod))
            if not inspect.getdoc(getattr(cls, n))
        ]
    assert silent == []


def test_the_names_at_the_top_each_show_an_example():
    without = [name for name in linrep_core.__all__ if ">>>" not in (inspect.getdoc(getattr(linrep_core, name)) or "")]
    # the first three are only ever returned or raised, by functions that have an example; the last needs a browser
    assert set(without) <= {"LinearityReport", "TrainingDiverged", "TrainingRun", "TrainingLab"}
