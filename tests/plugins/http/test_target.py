"""Target http: what is sent, and what is made of the answers."""

import base64
import json
import sys

import numpy as np
import pytest
from faulty_server import CLASSES, logits_of, probabilities_of
from http_targets import NAMING, open_target, random_images

from neatfool import ExperimentError, TargetError, encode_png
from neatfool_plugins.http import Options, _target


def test_a_call_is_a_request(server):
    with open_target(server) as target:
        target.score(random_images(5))
    assert [each.images for each in server.asked] == [5]


def test_more_images_than_a_request_takes_are_not_sent(server):
    server.metadata["inputs"][0]["shape"][0] = 1
    images = random_images(3)
    with open_target(server) as target:
        assert target.batch_size == 1
        with pytest.raises(TargetError, match=r"3 images in a request.*1 at most"):
            target.score(images)
        assert server.asked == []
        assert np.array_equal(target.score(images[:1]).logits, logits_of(images[:1]))


@pytest.mark.parametrize("name", ["\x1b[31mred", "two\nlines", " ", "long" * 100])
def test_a_name_that_cannot_be_shown_is_no_class(server, name):
    server.metadata["outputs"][0]["parameters"]["classes"][1] = name
    with pytest.raises(TargetError, match="no short printable text") as caught:
        open_target(server).__enter__()
    assert str(caught.value).isprintable()
    server.answer = lambda _: json.dumps([{"label": name, "score": 1}]).encode()
    with open_target(server, "/huggingface", **NAMING) as target:
        assert not target.score(random_images(1)).ok[0]


def test_a_fingerprint_tells_what_is_asked_and_not_how_often(server, monkeypatch):
    monkeypatch.setenv("A_KEY", "canary-1234")

    def fingerprint(**options):
        with open_target(server, **options) as target:
            return target.fingerprint()

    plain = fingerprint()
    assert fingerprint(concurrency=1, timeout=5, api_key_env="A_KEY") == plain
    assert fingerprint(classes=["a", "b", "c", "d"]) != plain
    server.metadata["inputs"][0]["datatype"] = "FP32"
    assert fingerprint() != plain
    server.metadata["inputs"][0]["datatype"] = "UINT8"
    server.metadata["parameters"] = {"fingerprint": "others"}
    assert fingerprint() != plain


def test_a_description_says_what_goes_where(server):
    with open_target(server) as target:
        described = target.describe()
    assert server.url in described
    assert "UINT8 [N, C, H, W]" in described
    assert "logits" in described


def test_the_extra_is_named_where_its_packages_are_missing(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("neatfool_plugins.http.")]:
        if not name.endswith((".options", ".validation")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(ExperimentError, match=r"pip install 'neatfool\[http\]'"):
        _target(Options(url="https://example.org", model="m"))


DENSE = {"body": {"image": "{image}"}, "scores_at": "scores", "classes": [*CLASSES]}


def test_the_image_that_is_sent_is_the_png_that_is_saved(server):
    images = random_images(1)
    with open_target(server, "/dense", **DENSE) as target:
        scores = target.score(images)
    sent = base64.b64decode(json.loads(server.asked[0].body)["image"])
    assert sent == encode_png(images[0])
    assert np.allclose(scores.probs, probabilities_of(images))


def test_a_label_that_is_named_twice_keeps_its_better_score(server):
    server.answer = lambda _: json.dumps(
        [{"label": "a", "score": score} for score in (0.2, 0.7, 0.1)]
    ).encode()
    with open_target(server, "/huggingface", **NAMING) as target:
        assert target.score(random_images(1)).found == [{"a": 0.7}]


def test_two_lists_are_labels_with_their_scores(server):
    server.answer = lambda _: b'{"labels": ["a", "b"], "scores": [0.7, 0.3]}'
    how = {"found_at": "zip(labels, scores)", "labels_at": "[0]", "scores_at": "[1]"}
    with open_target(server, "/dense", body={"image": "{image}"}, **how) as target:
        assert target.score(random_images(1)).found == [{"a": 0.7, "b": 0.3}]
        server.answer = lambda _: b'{"labels": ["a", "b"], "scores": [0.7]}'
        assert target.score(random_images(1)).ok == [False]


def test_some_classes_may_be_known_beforehand_and_others_turn_up(server):
    with open_target(server, "/huggingface", classes=["bright", "dark"], **NAMING) as target:
        assert target.spec.open
        assert target.spec.class_index("dark") == 1
        assert target.score(random_images(1)).found[0].keys() - {"bright", "dark"}
