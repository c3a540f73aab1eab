"""Target http: models behind the Open Inference Protocol."""

import json

import numpy as np
import pytest
from faulty_server import CLASSES, logits_of, probabilities_of
from http_targets import open_target, random_images
from serving import in_this_process, on_loopback

from neatfool import TargetError
from neatfool.testing import ToyTarget
from neatfool_plugins.http import Options, _target


def test_a_model_says_itself_what_it_takes_and_gives(server):
    with open_target(server) as target:
        assert target.spec.shape == (1, 6, 8)
        assert target.spec.classes == CLASSES
        assert target.spec.sums_to_one
        assert target.batch_size is None


@pytest.mark.parametrize("datatype", ["UINT8", "FP32"])
def test_scores_are_the_models_to_the_bit(server, datatype):
    images = random_images(7)
    server.metadata["inputs"][0]["datatype"] = datatype
    with open_target(server) as target:
        scores = target.score(images)
    assert scores.probs.dtype == np.float32
    assert np.array_equal(scores.probs, probabilities_of(images))
    assert np.array_equal(scores.logits, logits_of(images))
    assert scores.ok.all()


@pytest.mark.parametrize("sums_to_one", [True, False])
def test_logits_alone_become_probabilities_as_classes_exclude_one_another_or_not(
    server, sums_to_one
):
    outputs = server.metadata["outputs"]
    server.metadata["outputs"] = [each for each in outputs if each["name"] == "logits"]
    images = random_images(3)
    with open_target(server, sums_to_one=sums_to_one) as target:
        scores = target.score(images)
    logits = logits_of(images).astype(float)
    own = 1 / (1 + np.exp(-logits))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(scores.probs, shares if sums_to_one else own, atol=1e-6)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("datatype", ["UINT8", "FP32"])
def test_a_server_that_takes_raw_bytes_is_sent_them(server, datatype, layout):
    server.extensions = ["binary_tensor_data"]
    if layout == "NHWC":
        server.metadata["inputs"][0]["shape"] = [-1, 6, 8, 1]
    images = random_images(7)
    server.metadata["inputs"][0]["datatype"] = datatype
    with open_target(server) as target:
        scores = target.score(images)
    assert np.array_equal(scores.logits, logits_of(images))
    size = {"UINT8": 1, "FP32": 4}[datatype] * images.size
    assert size < len(server.asked[0].body) < size + 250


def test_neatfool_serve_is_asked_with_raw_bytes():
    toy = ToyTarget()
    images = np.random.default_rng(1).integers(0, 256, (9, 1, 4, 4), dtype=np.uint8)
    with in_this_process(toy) as client, on_loopback(client.app) as port:
        url = f"http://127.0.0.1:{port}"
        target = _target(Options(url=url, model="toy", allow_private=True))
        scores = target.score(images)
        assert "in raw bytes" in target.describe()
        target.close()
    assert scores.probs.tobytes() == toy.score(images).probs.tobytes()


def test_a_server_that_does_not_say_what_it_is_is_sent_json(server):
    with open_target(server) as target:
        target.score(random_images(2))
    assert json.loads(server.asked[0].body)["inputs"][0]["datatype"] == "UINT8"


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
    server.metadata["inputs"][0]["datatype"] = "FP32"
    with open_target(server, mean=[0.5], std=[0.25]) as target:
        target.score(np.full((1, 1, 6, 8), 255, np.uint8))
    assert {*json.loads(server.asked[0].body)["inputs"][0]["data"]} == {2.0}


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
        ({"inputs": [{"name": "x", "datatype": "BYTES", "shape": [-1]}]}, "is BYTES"),
        ({"inputs": [{"name": "x", "datatype": "UINT8", "shape": [-1, 9]}]}, r"\[-1, 9\]"),
        (
            {"inputs": [{"name": "x", "datatype": "UINT8", "shape": [4, 1, 6, 8]}]},
            "of any N, or of one",
        ),
        (
            {"inputs": [{"name": "x", "datatype": "UINT8", "shape": [-1, 3, 6, 3]}]},
            "1 or 3 channels",
        ),
        ({"inputs": []}, r"declares 0 inputs; give the one to use in \[target\] metadata"),
        ({"outputs": []}, "declares 0 outputs"),
        ({"inputs": "images"}, "no inputs and outputs"),
        ({"outputs": [{"name": 3}]}, "no tensors"),
        ({"inputs": [{"name": "x", "datatype": "UINT8", "shape": [1] * 99}]}, "as they must be"),
        ({"outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1]}]}, "classes = @FILE"),
        (
            {"outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 10**15]}]},
            "classes = @FILE",
        ),
        (
            {
                "inputs": [
                    {"name": "a", "datatype": "UINT8", "shape": [-1, 1, 6, 8]},
                    {"name": "b", "datatype": "UINT8", "shape": [-1, 1, 6, 8]},
                ]
            },
            r"the one to use in \[target\] metadata",
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


def test_classes_of_another_number_are_an_error(server):
    with pytest.raises(TargetError, match="has 4 classes, and 2 are named"):
        open_target(server, classes=["a", "b"]).__enter__()
