"""Deployed networks in FoolBench: pinned, complete, and what they said of stored images."""

import json
import os
import re
import runpy
import tomllib
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"
wild = runpy.run_path(str(DOCS / "wild.py"))
TABLE = tomllib.loads((DOCS / "wild.toml").read_text("utf-8"))["networks"]
FOUND = json.loads((DOCS / "_extra" / "wild.json").read_text("utf-8"))
FOLDER = Path(os.environ.get("NEATFOOL_WILD", "wild-networks"))


def entries():
    return [pytest.param(each, id=each["name"]) for each in TABLE if each["name"] in FOUND]


@pytest.mark.parametrize("entry", entries())
def test_a_network_is_pinned_by_hash_and_was_checked_on_photographs(entry):
    digests = [entry.get("sha256", ""), *entry.get("files", {}).values()]
    assert any(re.fullmatch("[0-9a-f]{64}", each) for each in digests)
    assert entry["licence"]
    assert entry["written"]
    facts = FOUND[entry["name"]]
    assert len(facts["photographs"]) == len(entry["photographs"])
    assert [each["seed"] for each in facts["searches"]] == [1, 2, 3]
    assert {each["images"] for each in facts["searches"]} == {entry["images"]}


def test_what_guards_something_is_published_without_images():
    guards = [each["name"] for each in TABLE if each["guards"] and each["name"] in FOUND]
    assert guards
    assert not any(each["examples"] for name in guards for each in FOUND[name]["searches"])
    assert "genome" not in json.dumps(FOUND)


@pytest.mark.parametrize("entry", entries())
def test_a_stored_image_is_still_accepted(entry):
    if not (FOLDER / entry["name"]).is_dir():
        pytest.skip(f"NEATFOOL_WILD: {FOLDER / entry['name']} is not there")
    examples = [e for each in FOUND[entry["name"]]["searches"] for e in each["examples"]]
    network = wild["Deployed"](dict(entry), FOLDER.resolve())
    for blank, said in network.blank().items():
        expected = FOUND[entry["name"]]["blank"][blank]
        assert said == pytest.approx(expected, abs=0.01)
    for each in examples:
        scores = network.network(np.stack([wild["read_image"](each["png"])]))
        assert network.accepted(scores)[0, network.names.index(each["class"])]
