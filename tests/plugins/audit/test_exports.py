"""A card in the forms of other tools; each is checked against that tool's own rules."""

import hashlib
import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import numpy as np
import pytest
from PIL import Image

from neatfool import ExperimentError, load_experiment
from neatfool_plugins.audit.card import Check, ReportCard
from neatfool_plugins.audit.exports import export, find_form, hash_weights, make_entry

EXPERIMENT = Path("experiments/mnist.ini")
SCHEMAS = Path(__file__).parent / "schemas"


@pytest.fixture(scope="module")
def card():
    """The card of the packaged LeNet, as it was measured; with one image and a failed condition."""
    found = ReportCard.model_validate_json(Path(__file__).with_name("card.json").read_text())
    Image.new("L", (28, 28)).save(png := io.BytesIO(), "png")
    fooled = [each.index for each in found.classes if any(each.accepted)]
    check = Check(above=0.01, found=0.5, failed=True, words="much")
    return found.model_copy(
        update={"pictures": {fooled[0]: (png.getvalue(), "99 %")}, "checks": [check]}
    )


def test_sarif_keeps_its_schema_and_has_a_result_for_each_fooled_class(card):
    log = json.loads(export(card, EXPERIMENT, "sarif"))
    jsonschema.validate(log, json.loads((SCHEMAS / "sarif-2.1.0.json").read_text()))
    (run,) = log["runs"]
    assert len(run["results"]) == sum(any(each.accepted) for each in card.classes)
    first = run["results"][0]
    assert first["level"] == "warning"
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == str(EXPERIMENT)


def test_sarif_names_a_class_by_the_same_fingerprint_as_long_as_it_has_its_name(card):
    def fingerprints(given):
        results = json.loads(export(given, EXPERIMENT, "sarif"))["runs"][0]["results"]
        return [each["partialFingerprints"] for each in results]

    surer = card.model_copy(update={"images": card.images + 1, "pictures": {}})
    assert fingerprints(surer) == fingerprints(card)
    assert fingerprints(card.model_copy(update={"name": "another"})) != fingerprints(card)


def test_github_shows_an_alert_for_each_class_of_a_file_with_any_name(card):
    first = card.classes[0].model_copy(update={"name": "[a](b) {0}", "log_odds": [-9.0, 4.0]})
    given = card.model_copy(update={"classes": [first, *card.classes[1:]]})
    results = json.loads(export(given, Path("my models/50 %.ini"), "sarif"))["runs"][0]["results"]
    lines = {each["partialFingerprints"]["primaryLocationLineHash"] for each in results}
    assert len(lines) == len(results)  # GitHub keeps one alert of those with one hash.
    place = results[0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%20models/50%20%25.ini"
    text = results[0]["message"]["text"]
    assert r"'\[a\](b) {{0}}' with 98.2 %" in text  # The surer of two seeds.


def test_a_class_is_told_with_its_own_threshold(card):
    usual = card.acceptance.at("usual")
    first = card.classes[0]
    own = usual.model_copy(update={"name": "yours", "confidence": None, "log_odds": None})
    own = own.model_copy(update={"by_class": {first.index: float(np.log(0.4 / 0.6))}})
    acceptance = card.acceptance.model_copy(update={"thresholds": [own]})
    given = card.model_copy(update={"classes": [first], "acceptance": acceptance})
    assert "where 40 % is enough" in export(given, EXPERIMENT, "sarif")


def test_an_entry_names_no_folder_of_its_authors_machine(card, tmp_path):
    (tmp_path / "mine.ini").write_text("[target]\nplugin = mnist\n[about]\nnetwork = Mine\n")
    options = {"weights": str(tmp_path / "nets" / "mine.pt"), "logit_temperature": 2.0}
    classifier = card.classifier.model_copy(update={"options": options})
    given = card.model_copy(update={"classifier": classifier, "runs": [str(tmp_path)]})
    experiment = load_experiment(tmp_path / "mine.ini", to_search=False)
    entry = make_entry(experiment, hash_weights(experiment), "neatfool audit mine.ini", given)
    assert entry.card.classifier.options == {"weights": "nets/mine.pt", "logit_temperature": 2.0}
    assert str(tmp_path) not in entry.model_dump_json()


def test_weights_that_are_not_there_are_told(card, tmp_path):
    text = "[target]\nplugin = mnist\n[about]\nnetwork = Mine\nweights = mine.pt\n"
    (tmp_path / "mine.ini").write_text(text)
    experiment = load_experiment(tmp_path / "mine.ini", to_search=False)
    with pytest.raises(ExperimentError, match=r"\[about\] weights: .*mine.pt cannot be read"):
        hash_weights(experiment)
    (tmp_path / "mine.pt").write_bytes(b"weights")
    assert hash_weights(experiment) == hashlib.sha256(b"weights").hexdigest()


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("", r"\[about\] network: an entry needs it"),
        ("network =", r"\[about\] network: an entry needs it"),
    ],
)
def test_what_says_too_little_of_a_network_makes_no_entry(about, said, tmp_path):
    (tmp_path / "mine.ini").write_text(f"[target]\nplugin = mnist\n[about]\n{about}\n")
    with pytest.raises(ExperimentError, match=said):
        hash_weights(load_experiment(tmp_path / "mine.ini", to_search=False))


def test_an_entry_has_the_images_that_fit_and_of_all_their_hash(card, tmp_path):
    (tmp_path / "mine.ini").write_text("[target]\nplugin = mnist\n[about]\nnetwork = Mine\n")
    noise = np.random.default_rng(0).integers(0, 256, (10, 32, 32, 3), np.uint8)
    pictures = {}
    for each, pixels in zip(card.classes, noise, strict=True):
        Image.fromarray(pixels).save(png := io.BytesIO(), "png")
        pictures[each.index] = (png.getvalue(), "99 %")
    given = card.model_copy(update={"pictures": pictures})
    experiment = load_experiment(tmp_path / "mine.ini", to_search=False)
    entry = make_entry(experiment, hash_weights(experiment), "", given)
    assert [each.png is None for each in entry.images] == [False] * 2 + [True] * 8
    assert len({each.sha256 for each in entry.images}) == 10
    assert len(entry.model_dump_json()) < 30_000


def test_junit_has_a_case_for_each_kind_of_images(card):
    checks = [Check(above=0.06, found=1, failed=True, words="much")]
    (suite,) = ET.fromstring(
        export(card.model_copy(update={"checks": checks}), EXPERIMENT, "junit")
    )
    kinds = card.acceptance.kinds[1:]
    at = [each.name for each in card.acceptance.thresholds].index("usual")
    failing = {each.what for each in kinds if each.accepted[at] > 0.06 * each.images}
    assert 1 < len(failing) < len(kinds)
    cases = {case.get("name"): case.find("failure") for case in suite.iter("testcase")}
    assert int(suite.get("tests")) == len(cases) == len(kinds)
    assert int(suite.get("failures")) == len(failing)
    for each in kinds:
        failed = cases[f"{each.what}: at most 6 % accepted"]
        assert (failed is not None) == (each.what in failing)
        assert failed is None or f"of {each.what} accepted" in failed.text
    passed = ET.fromstring(export(card.model_copy(update={"checks": []}), EXPERIMENT, "junit"))
    assert passed.find("testsuite/testcase/failure") is None


def test_names_of_classes_cannot_break_a_file(card):
    evil = "]]></failure>\x00| `x` <script>"
    classes = [card.classes[0].model_copy(update={"name": evil}), *card.classes[1:]]
    given = card.model_copy(update={"classes": classes})
    ET.fromstring(export(given, EXPERIMENT, "junit"))
    assert "<script>" not in export(given, EXPERIMENT, "markdown")


def test_markdown_leads_with_the_verdict_and_has_the_table(card):
    text = export(card, EXPERIMENT, "markdown")
    assert text.startswith("## ❌ ")
    assert card.acceptance.headline()[:20] in text.replace("\\", "")
    assert text.count("\n| ") == 2 + len(card.acceptance.table().rows)


def test_the_name_of_a_file_says_its_form(card, tmp_path):
    assert find_form(tmp_path / "my.csv") == "csv"
    assert find_form(Path("entry.json")) == find_form(Path("mine-entry.json")) == "entry"
    assert ReportCard.model_validate_json(export(card, EXPERIMENT, "json")) == card.model_copy(
        update={"pictures": {}}
    )
    with pytest.raises(ExperimentError, match="its name does not say"):
        find_form(Path("card.docx"))
