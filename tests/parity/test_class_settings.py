"""What "The lab for class" says will come does come: each of its settings is run by the lab's engine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from linrep_site.class_settings import read_settings

ROOT = Path(__file__).parents[2]
SETTINGS = read_settings(ROOT / "book/lab/for-class.toml")
CONCEPTS = ("royal", "adult", "female", "plural", "Spanish")
MEANS = {"words": "unembedding", "contexts": "embedding", "between": "between"}


def config_of(address: str) -> dict[str, Any]:
    """Read an address as the lab does: the configuration, and what it complains about."""
    program = f"""
    import {{ fromFragment }} from {json.dumps((ROOT / "linrep_core/lab/state.mjs").as_uri())};
    process.stdout.write(JSON.stringify(fromFragment({json.dumps("#lab=1&" + address)})));
    """
    command = ["node", "--input-type=module", "--eval", program]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measured(report: dict[str, Any], name: str) -> float:
    """One of the numbers that the lab shows."""
    if name == "loss":
        return report["excessLoss"]
    if name in MEANS:
        return report["cosines"][MEANS[name]]
    return report["perConcept"]["unembedding"][CONCEPTS.index(name)]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting["address"])
def test_what_is_promised_comes(ask, setting):
    read = config_of(setting["address"])
    assert read["problems"] == []
    report = ask("train", config=read["config"], steps=setting["step"])
    for name, (low, high) in setting["bounds"].items():
        assert low <= measured(report, name) <= high, name


def test_a_setting_is_named_once():
    assert len({(s["chapter"], s["name"]) for s in SETTINGS}) == len(SETTINGS) >= 15
    assert all(setting["bounds"] for setting in SETTINGS)


def test_an_address_that_the_lab_would_complain_about_is_noticed():
    assert [bool(config_of(address)["problems"]) for address in ("m=3&d=3", "m=3&d=99")] == [False, True]
