"""A card in the forms of other tools; each is checked against that tool's own rules."""

from __future__ import annotations

import io
import json
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from PIL import Image

from neatfool.analysis import read_card
from neatfool.analysis.card import Check
from neatfool_plugins.audit.exports import (
    EXPORTS,
    to_junit,
    to_markdown,
    to_ml_bom,
    to_model_index,
    to_sarif,
    write_exports,
)

EXPERIMENT = Path("experiments/mnist.ini")
SCHEMAS = Path(__file__).parent / "schemas"


@pytest.fixture(scope="module")
def card():
    """The card of the packaged LeNet, as it was measured; with one image and a failed condition."""
    found = read_card(Path(str(files("neatfool.analysis") / "references" / "LeNet.json")))
    Image.new("L", (28, 28)).save(png := io.BytesIO(), "png")
    names = [each.name for each in found.classes if any(each.accepted)]
    check = Check(what="accepted", above=0.01, found=0.5, failed=True, words="50 % of <i> & co.")
    return found.model_copy(
        update={"pictures": {names[0]: (png.getvalue(), "99 %")}, "checks": [check]}
    )


def test_sarif_keeps_its_schema_and_has_a_result_for_each_fooled_class(card):
    log = json.loads(to_sarif(card, EXPERIMENT))
    jsonschema.validate(log, json.loads((SCHEMAS / "sarif-2.1.0.json").read_text()))
    (run,) = log["runs"]
    assert len(run["results"]) == sum(any(each.accepted) for each in card.classes)
    first = run["results"][0]
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == str(EXPERIMENT)
    place = first["attachments"][0]["artifactLocation"]["index"]
    assert run["artifacts"][place]["mimeType"] == "image/png"


def test_sarif_names_a_class_by_the_same_fingerprint_as_long_as_it_has_its_name(card):
    def fingerprints(given):
        results = json.loads(to_sarif(given, EXPERIMENT))["runs"][0]["results"]
        return [each["partialFingerprints"] for each in results]

    surer = card.model_copy(update={"images": card.images + 1, "pictures": {}})
    assert fingerprints(surer) == fingerprints(card)
    assert fingerprints(card.model_copy(update={"name": "another"})) != fingerprints(card)


def test_junit_has_a_case_for_each_condition(card):
    suites = ET.fromstring(to_junit(card, EXPERIMENT))
    (suite,) = suites
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    failure = suite.find("testcase/failure")
    assert "50 % of <i> & co." in failure.get("message")
    passed = ET.fromstring(to_junit(card.model_copy(update={"checks": []}), EXPERIMENT))
    assert passed.find("testsuite/testcase/failure") is None


def test_names_of_classes_cannot_break_a_file(card):
    evil = "]]></failure>\x00| `x` <script>"
    classes = [card.classes[0].model_copy(update={"name": evil}), *card.classes[1:]]
    given = card.model_copy(update={"classes": classes})
    ET.fromstring(to_junit(given, EXPERIMENT))
    assert "<script>" not in to_markdown(given, EXPERIMENT)


def test_markdown_leads_with_the_verdict_and_has_the_table(card):
    text = to_markdown(card, EXPERIMENT)
    assert text.startswith("## ❌ ")
    assert card.acceptance.headline()[:20] in text.replace("\\", "")
    assert text.count("\n| ") == 2 + len(card.acceptance.kinds)


def test_a_model_index_is_read_by_hugging_face(card):
    from huggingface_hub.repocard_data import model_index_to_eval_results

    name, results = model_index_to_eval_results(
        json.loads(to_model_index(card, EXPERIMENT))["model-index"]
    )
    assert name == card.name
    values = {each.metric_type: each.metric_value for each in results}
    assert values["fooled_classes"] == card.fooled.share.value


def test_an_ml_bom_keeps_cyclonedx_schema(card):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = to_ml_bom(card, EXPERIMENT)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    (model,) = json.loads(text)["components"]
    assert model["type"] == "machine-learning-model"


def test_markdown_is_appended_and_other_forms_are_written_anew(card, tmp_path):
    wanted = {name.replace("-", "_"): tmp_path / name for name in EXPORTS}
    for _ in range(2):
        assert len([*write_exports(card, EXPERIMENT, wanted)]) == len(EXPORTS)
    assert (tmp_path / "markdown").read_text() == 2 * to_markdown(card, EXPERIMENT)
    assert (tmp_path / "sarif").read_text() == to_sarif(card, EXPERIMENT)
