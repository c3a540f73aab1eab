"""Target http: APIs that answer in JSON."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from faulty_server import CLASSES, probabilities_of
from http_targets import open_target, random_images

from neatfool import Labels, encode_png
from neatfool_plugins.http import Options
from neatfool_plugins.http.options import PRESETS

DENSE = {"body": {"image": "{image}"}, "scores_at": "scores", "classes": [*CLASSES]}


def test_the_image_that_is_sent_is_the_png_that_is_saved(server):
    images = random_images(1)
    with open_target(server, "/dense", **DENSE) as target:
        scores = target.score(images)
    sent = base64.b64decode(json.loads(server.asked[0].body)["image"])
    assert sent == encode_png(images[0])
    assert np.allclose(scores.probs, probabilities_of(images))


def test_an_image_may_go_as_a_file_of_a_form(server):
    images = random_images(1)
    options = {
        "send": "form",
        "body": {"top": 3, "image": "{image}"},
        "scores_at": "scores",
        "classes": [*CLASSES],
    }
    with open_target(server, "/form", **options) as target:
        scores = target.score(images)
    assert np.allclose(scores.probs, probabilities_of(images))
    assert b'name="top"\r\n\r\n3\r\n' in server.asked[0].body
    assert b'name="image"; filename="image.png"' in server.asked[0].body


@pytest.mark.parametrize(
    ("preset", "path", "named"),
    [
        ("huggingface-image-classification", "/huggingface", 4),
        ("google-vision-label-detection", "/google", 2),
        ("azure-vision-tag", "/azure", 4),
    ],
)
def test_a_preset_knows_how_an_api_is_asked(server, preset, path, named):
    images = random_images(3)
    with open_target(server, path, preset=preset) as target:
        assert target.spec.open
        assert target.spec.classes == ()
        size = target.batch_size or len(images)
        parts = [target.score(images[at : at + size]) for at in range(0, len(images), size)]
    assert all(isinstance(part, Labels) and all(part.ok) for part in parts)
    named_of = [found for part in parts for found in part.found]
    for found, row in zip(named_of, probabilities_of(images), strict=True):
        assert len(found) == named
        assert found == pytest.approx({name: row[CLASSES.index(name)] for name in found})
        assert max(found, key=found.get) == CLASSES[row.argmax()]


def test_every_preset_is_a_choice_and_fills_in_the_options():
    assert {*Options.model_fields["preset"].annotation.__args__[0].__args__} == {*PRESETS}
    options = Options(
        url="https://example.org", preset="azure-vision-tag", height=8, width=8, labels_at="other"
    )
    assert options.scores_at == "confidence"
    assert options.labels_at == "other"


def test_a_label_that_is_named_twice_keeps_its_better_score(server):
    server.answer = lambda _: json.dumps(
        [{"label": "a", "score": score} for score in (0.2, 0.7, 0.1)]
    ).encode()
    with open_target(server, "/huggingface", preset="huggingface-image-classification") as target:
        assert target.score(random_images(1)).found == [{"a": 0.7}]


def test_per_cent_become_probabilities(server):
    server.answer = lambda _: b'{"tags": [{"name": "a", "confidence": 62.5}]}'
    with open_target(
        server, "/azure", preset="azure-vision-tag", scores_at="percent(confidence)"
    ) as target:
        assert target.score(random_images(1)).found == [{"a": 0.625}]


def test_two_lists_are_labels_with_their_scores(server):
    server.answer = lambda _: b'{"labels": ["a", "b"], "scores": [0.7, 0.3]}'
    how = {"found_at": "zip(labels, scores)", "labels_at": "[0]", "scores_at": "[1]"}
    with open_target(server, "/dense", body={"image": "{image}"}, **how) as target:
        assert target.score(random_images(1)).found == [{"a": 0.7, "b": 0.3}]
        server.answer = lambda _: b'{"labels": ["a", "b"], "scores": [0.7]}'
        assert target.score(random_images(1)).ok == [False]


@pytest.mark.parametrize(
    ("answer", "ok", "found"),
    [({"error": {"message": "bad image"}}, False, {}), ({}, True, {})],
)
def test_an_image_that_the_service_found_wrong_is_refused(server, answer, ok, found):
    server.answer = lambda _: json.dumps({"responses": [answer]}).encode()
    with open_target(server, "/google", preset="google-vision-label-detection") as target:
        labels = target.score(random_images(1))
    assert (labels.ok, labels.found) == ([ok], [found])


def test_some_classes_may_be_known_beforehand_and_others_turn_up(server):
    known = {"preset": "google-vision-label-detection", "classes": ["bright", "dark"]}
    with open_target(server, "/google", **known) as target:
        assert target.spec.open
        assert target.spec.class_index("dark") == 1
        assert target.score(random_images(1)).found[0].keys() - {"bright", "dark"}
