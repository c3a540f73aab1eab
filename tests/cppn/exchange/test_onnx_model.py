"""Pictures of networks in ONNX, drawn by ONNX Runtime."""

import sys

import numpy as np
import pytest
from random_pictures import (
    NATIVE,
    SIZES,
    picture_of_function,
    random_picture,
    render,
    share_that_differs,
)

from neatfool import ExperimentError
from neatfool.cppn.activations import ACTIVATIONS
from neatfool.cppn.exchange.onnx_model import to_onnx

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def draw(picture, size=NATIVE):
    session = onnxruntime.InferenceSession(to_onnx(picture), providers=["CPUExecutionProvider"])
    (image,) = session.run(["image"], {"size": np.array(size)})
    return image


@pytest.mark.parametrize("number", range(len(ACTIVATIONS)))
def test_each_function_is_drawn_as_it_is_rendered(number):
    picture = picture_of_function(number)
    image = draw(picture)
    assert image.dtype == np.uint8
    assert share_that_differs([image], [render(picture)]) <= 0.01


def test_random_networks_of_any_look_and_size_are_drawn_as_they_are_rendered():
    pictures = [(random_picture(number), SIZES[number % 3]) for number in range(60)]
    drawn = [draw(*each) for each in pictures]
    assert share_that_differs(drawn, [render(*each) for each in pictures]) <= 0.01


def test_a_model_is_valid_and_says_what_it_is():
    model = onnx.load_from_string(to_onnx(random_picture(1), title="school bus"))
    onnx.checker.check_model(model, full_check=True)
    assert model.producer_name == "neatfool"
    assert model.doc_string == "school bus"
    assert {each.key: each.value for each in model.metadata_props} == {
        "height": "24",
        "width": "32",
    }


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ExperimentError, match=r"pip install 'neatfool\[onnx\]'"):
        to_onnx(random_picture(1))
