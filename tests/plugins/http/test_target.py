"""Target http: what is sent, and what is made of the answers."""

from __future__ import annotations

import base64
import io
import json
import sys

import numpy as np
import pytest
from faulty_server import CLASSES, logits_of, open_image, probabilities_of
from http_targets import open_target, random_images
from PIL import Image
from serving import in_this_process, on_loopback

from neatfool import ExperimentError, Labels, TargetError, encode_png
from neatfool.testing import ToyTarget
from neatfool_plugins.http import Options, _target
from neatfool_plugins.http.presets import PRESETS
from neatfool_plugins.http.service import Service

PARSED = Service._parsed

DENSE = {"body": {"image": "{image}"}, "scores_at": "scores", "classes": [*CLASSES]}


def test_a_model_says_itself_what_it_takes_and_gives(server):
    with open_target(server) as target:
        assert target.spec.shape == (1, 6, 8)
        assert target.spec.classes == CLASSES
        assert target.spec.sums_to_one
        assert target.batch_size is None


@pytest.mark.parametrize("datatype", ["UINT8", "FP32"])
def test_scores_are_the_models_to_the_bit(server, datatype):
    images = random_images(7)
    with open_target(server, datatype=datatype) as target:
        scores = target.score(images)
    assert scores.probs.dtype == np.float32
    assert np.array_equal(scores.probs, probabilities_of(images))
    assert np.array_equal(scores.logits, logits_of(images))
    assert scores.ok.all()


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("datatype", ["UINT8", "FP32"])
def test_a_server_that_takes_raw_bytes_is_sent_them(server, datatype, layout):
    server.extensions = ["binary_tensor_data"]
    if layout == "NHWC":
        server.metadata["inputs"][0]["shape"] = [-1, 6, 8, 1]
    images = random_images(7)
    with open_target(server, datatype=datatype) as target:
        scores = target.score(images)
    assert np.array_equal(scores.logits, logits_of(images))
    size = {"UINT8": 1, "FP32": 4}[datatype] * images.size
    assert size < len(server.asked[0].body) < size + 250


@pytest.mark.parametrize("length", ["no number", "-3"])
def test_an_answer_whose_json_has_no_end_is_told(server, length):
    with open_target(server) as target:
        server.headers = {"Inference-Header-Content-Length": length}
        with pytest.raises(TargetError, match="no JSON"):
            target.score(random_images(1))


def test_neatfool_serve_is_asked_with_raw_bytes_and_answers_with_them(monkeypatch):
    lengths = []

    def parsed(service, body, length):
        lengths.append(length)
        return PARSED(service, body, length)

    monkeypatch.setattr(Service, "_parsed", parsed)
    toy = ToyTarget()
    images = np.random.default_rng(1).integers(0, 256, (9, 1, 4, 4), dtype=np.uint8)
    with in_this_process(toy) as client, on_loopback(client.app) as port:
        url = f"http://127.0.0.1:{port}"
        target = _target(Options(url=url, model="toy", allow_private=True))
        scores = target.score(images)
        target.close()
    assert scores.probs.tobytes() == toy.score(images).probs.tobytes()
    assert lengths[-1] is not None


def test_a_server_that_does_not_say_what_it_is_is_sent_json(server):
    with open_target(server) as target:
        target.score(random_images(2))
    assert json.loads(server.asked[0].body)["inputs"][0]["datatype"] == "UINT8"


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


@pytest.mark.parametrize("of", ["model", "input"])
def test_the_servers_own_limit_of_a_batch_is_kept_and_is_no_part_of_the_fingerprint(server, of):
    says = server.metadata if of == "model" else server.metadata["inputs"][0]
    told = []
    for limit in (2, 3):
        says["parameters"] = {"max_batch_size": limit}
        with open_target(server) as target:
            assert target.batch_size == limit
            told.append(target.fingerprint())
    assert told[0] == told[1]


def test_channels_may_come_last(server):
    server.metadata["inputs"][0]["shape"] = [-1, 6, 8, 3]
    images = random_images(4, channels=3)
    with open_target(server) as target:
        assert target.spec.shape == (3, 6, 8)
        assert np.array_equal(target.score(images).logits, logits_of(images))
    assert json.loads(server.asked[0].body)["inputs"][0]["shape"] == [4, 6, 8, 3]


def test_lengths_that_a_model_leaves_open_are_given_by_options(server):
    server.metadata["inputs"][0]["shape"] = [-1, 1, -1, -1]
    with pytest.raises(TargetError, match=r"any height; say \[target\] height"):
        open_target(server).__enter__()
    with open_target(server, height=6, width=8) as target:
        assert target.spec.shape == (1, 6, 8)


def test_floats_are_scaled_as_asked_for(server):
    with open_target(server, datatype="FP32", mean=[0.5], std=[0.25]) as target:
        target.score(np.full((1, 1, 6, 8), 255, np.uint8))
    assert {*json.loads(server.asked[0].body)["inputs"][0]["data"]} == {2.0}


def test_floats_may_be_the_bytes_themselves(server):
    image = np.arange(48, dtype=np.uint8).reshape(1, 1, 6, 8) + 200
    with open_target(server, datatype="FP32", white=255) as target:
        target.score(image)
    assert json.loads(server.asked[0].body)["inputs"][0]["data"] == [*range(200, 248)]


def test_only_the_outputs_that_are_wanted_are_asked_for(server):
    images = random_images(2)
    with open_target(server, scores_are="probabilities") as target:
        scores = target.score(images)
    assert scores.logits is None
    assert np.array_equal(scores.probs, probabilities_of(images))
    assert json.loads(server.asked[0].body)["outputs"] == [{"name": "probabilities"}]


def test_an_output_of_another_name_is_what_the_options_say(server):
    server.metadata["outputs"] = [{"name": "predict", "datatype": "FP32", "shape": [-1, 4]}]
    server.answer = lambda said: json.dumps(
        {"outputs": [said["outputs"][1] | {"name": "predict"}]}
    ).encode()
    with pytest.raises(TargetError, match="scores_are = logits or probabilities"):
        open_target(server).__enter__()
    images = random_images(3)
    with open_target(server, scores_are="logits") as target:
        assert target.spec.classes == ("0", "1", "2", "3")
        scores = target.score(images)
    assert np.array_equal(scores.logits, logits_of(images))
    assert np.allclose(scores.probs, probabilities_of(images))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inputs": [{"name": "x", "datatype": "BYTES", "shape": [-1]}]}, "takes BYTES"),
        ({"inputs": [{"name": "x", "datatype": "UINT8", "shape": [-1, 9]}]}, r"\[-1, 9\]"),
        ({"inputs": [{"name": "x", "datatype": "UINT8", "shape": [4, 1, 6, 8]}]}, "exactly 4"),
        ({"inputs": [{"name": "x", "datatype": "UINT8", "shape": [-1, 3, 6, 3]}]}, "layout ="),
        (
            {"inputs": []},
            r"declare no inputs; say \[target\] input_name and datatype and layout and",
        ),
        ({"outputs": []}, r"declare no outputs; say \[target\] output_name"),
        ({"inputs": "images"}, "no inputs and outputs"),
        ({"outputs": [{"name": 3}]}, "no tensors"),
        ({"outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1]}]}, "classes = @FILE"),
        (
            {
                "inputs": [
                    {"name": "a", "datatype": "UINT8", "shape": [-1, 1, 6, 8]},
                    {"name": "b", "datatype": "UINT8", "shape": [-1, 1, 6, 8]},
                ]
            },
            r"\[target\] input_name",
        ),
    ],
)
def test_a_model_that_takes_no_images_or_does_not_fit_is_told_of(server, change, said):
    server.metadata.update(change)
    with pytest.raises(TargetError, match=said):
        open_target(server).__enter__()


def test_a_model_that_is_not_there_is_told_of_in_the_servers_words(server):
    with pytest.raises(TargetError, match=r"answered 404: \{\"error\": \"no such thing\"\}"):
        open_target(server, model="other").__enter__()


@pytest.mark.parametrize("name", ["\x1b[31mred", "two\nlines", " ", "long" * 100])
def test_a_name_that_cannot_be_shown_is_no_class(server, name):
    server.metadata["outputs"][0]["parameters"]["classes"][1] = name
    with pytest.raises(TargetError, match="no short printable text") as caught:
        open_target(server).__enter__()
    assert str(caught.value).isprintable()
    server.answer = lambda _: json.dumps([{"label": name, "score": 1}]).encode()
    preset = "huggingface-image-classification"
    with open_target(server, "/huggingface", preset=preset) as target:
        assert not target.score(random_images(1)).ok[0]


def test_classes_of_another_number_are_an_error(server):
    with pytest.raises(TargetError, match="has 4 classes, and 2 are named"):
        open_target(server, classes=["a", "b"]).__enter__()


def test_the_image_that_is_sent_is_the_png_that_is_saved(server):
    images = random_images(1)
    with open_target(server, "/dense", **DENSE) as target:
        scores = target.score(images)
    sent = base64.b64decode(json.loads(server.asked[0].body)["image"])
    assert sent == encode_png(images[0])
    assert np.allclose(scores.probs, probabilities_of(images))


def test_an_image_may_go_as_jpeg(server):
    images = np.full((1, 3, 6, 8), 128, np.uint8)
    options = DENSE | {"channels": 3, "image_format": "jpeg"}
    with open_target(server, "/dense", **options) as target:
        target.score(images)
        assert "not quite the image that is saved" in target.describe()
    sent = base64.b64decode(json.loads(server.asked[0].body)["image"])
    with Image.open(io.BytesIO(sent)) as image:
        assert image.format == "JPEG"
    assert np.abs(open_image(sent).astype(int) - 128).max() <= 2


def test_an_image_may_go_as_a_file_of_a_form(server):
    images = random_images(1)
    options = {"send": "form", "body": {"top": 3}, "scores_at": "scores", "classes": [*CLASSES]}
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
    assert options.protocol == "json"
    assert options.scores_at == "confidence"
    assert options.labels_at == "other"


def test_an_item_of_the_body_is_repeated_for_each_image(server):
    with open_target(server, "/google", preset="google-vision-label-detection") as target:
        target.score(random_images(3))
    assert [each.images for each in server.asked] == [3]


def test_a_label_that_is_named_twice_keeps_its_better_score(server):
    server.answer = lambda _: json.dumps(
        [{"label": "a", "score": score} for score in (0.2, 0.7, 0.1)]
    ).encode()
    with open_target(server, "/huggingface", preset="huggingface-image-classification") as target:
        assert target.score(random_images(1)).found == [{"a": 0.7}]


def test_per_cent_become_probabilities(server):
    server.answer = lambda _: b'{"tags": [{"name": "a", "confidence": 62.5}]}'
    with open_target(server, "/azure", preset="azure-vision-tag", full_score=100) as target:
        assert target.score(random_images(1)).found == [{"a": 0.625}]


def test_an_image_that_the_service_found_wrong_is_refused_alone(server):
    def second_is_wrong(said):
        said["responses"][1] = {"error": {"message": "bad image"}}
        said["responses"][2] = {}
        return json.dumps(said).encode()

    server.answer = second_is_wrong
    with open_target(server, "/google", preset="google-vision-label-detection") as target:
        labels = target.score(random_images(3))
    assert [*labels.ok] == [True, False, True]
    assert labels.found[2] == {}


def test_a_fingerprint_tells_what_is_asked_and_not_how_often(server, monkeypatch):
    monkeypatch.setenv("A_KEY", "canary-1234")

    def fingerprint(**options):
        with open_target(server, **options) as target:
            return target.fingerprint()

    plain = fingerprint()
    assert fingerprint(concurrency=1, timeout=5, api_key_env="A_KEY") == plain
    assert fingerprint(datatype="FP32") != plain
    assert fingerprint(classes=["a", "b", "c", "d"]) != plain
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
        if not name.endswith((".options", ".api_key", ".presets", ".templates")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(ExperimentError, match=r"pip install 'neatfool\[http\]'"):
        _target(Options(url="https://example.org", model="m"))


def test_some_classes_may_be_known_beforehand_and_others_turn_up(server):
    known = {"preset": "google-vision-label-detection", "classes": ["bright", "dark"]}
    with open_target(server, "/google", **known, further_classes=True) as target:
        assert target.spec.open
        assert target.spec.class_index("dark") == 1
    with open_target(server, "/google", **known) as target:
        assert not target.spec.open
