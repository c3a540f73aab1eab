"""Target http: APIs that answer in JSON."""

import base64
import json

import numpy as np
from faulty_server import CLASSES, probabilities_of
from http_targets import NAMING, open_target, random_images

from neatfool import encode_png

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
