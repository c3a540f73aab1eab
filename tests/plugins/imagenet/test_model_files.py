"""Networks of the target ``imagenet`` in files: what is found out, and what is asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from neatfool import ExperimentError, TargetError
from neatfool_plugins.imagenet import Options
from neatfool_plugins.imagenet.target import ImageNetTarget

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
SCALED = {"mean": [0.5], "std": [0.25]}


def target(model: str, **options) -> ImageNetTarget:
    return ImageNetTarget(Options(model=model, device="cpu", **options))


def noise(count: int, side: int = 16) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, side, side), generator=generator, dtype=torch.uint8)


class Small(nn.Module):
    """Looks at images of scaled floats, channels first; five classes."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.look = nn.Conv2d(3, 8, 5, 2)
            self.tell = nn.Linear(8, 5)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return self.look(images).relu().amax((2, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 8 * self.tell(self.features(images))


class ChannelsLast(Small):
    def forward(self, images):
        return super().forward(images.permute(0, 3, 1, 2))


class Bytes(Small):
    def forward(self, images):
        return super().forward((images.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25)


class WithFeatures(Small):
    def forward(self, images):
        return self.features(images), super().forward(images)[..., None, None], images


class Sigmoids(Small):
    def forward(self, images):
        return super().forward(images).sigmoid()


def by_hand(images: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        return Small()((images / 255 - 0.5) / 0.25).softmax(1).numpy()


def export_onnx(network: nn.Module, path: Path, given: torch.Tensor, *, fixed=False) -> str:
    pytest.importorskip("onnx", reason="pip install onnx")
    pytest.importorskip("onnxruntime", reason="pip install 'neatfool[onnx]'")
    axes = None if fixed else {"images": {0: "n"}}
    torch.onnx.export(
        network.eval(),
        (given,),
        str(path),
        input_names=["images"],
        dynamic_axes=axes,
        dynamo=False,
    )
    return f"onnx:{path}"


FLOATS = torch.zeros(1, 3, 16, 16)
FLOATS_LAST = torch.zeros(1, 16, 16, 3)
BYTES_LAST = FLOATS_LAST.byte()


@pytest.mark.parametrize(
    ("network", "given", "options", "said"),
    [
        (Small(), FLOATS, SCALED, r"takes float32 \[images, channels, height, width\]"),
        (ChannelsLast(), FLOATS_LAST, SCALED, r"float32 \[images, height, width, channels\]"),
        (Bytes(), BYTES_LAST, {}, r"bytes as they are;.*takes uint8 \[images, height"),
    ],
)
@pytest.mark.parametrize("fixed", [False, True])
def test_an_onnx_file_may_have_any_layout(tmp_path, network, given, options, said, fixed) -> None:
    made = target(export_onnx(network, tmp_path / "a.onnx", given, fixed=fixed), **options)
    assert made.spec.shape == (3, 16, 16)
    np.testing.assert_allclose(made.score(noise(3)).probs, by_hand(noise(3)), atol=1e-5)
    described = made.describe()
    assert ", one image at a time" in described if fixed else "at a time" not in described
    assert re.search(said, described, re.DOTALL)


def test_layouts_are_tried_where_the_file_says_no_size(tmp_path) -> None:
    pytest.importorskip("onnx", reason="pip install onnx")
    torch.onnx.export(
        ChannelsLast().eval(),
        (FLOATS_LAST,),
        str(tmp_path / "any.onnx"),
        input_names=["images"],
        dynamic_axes={"images": dict(enumerate("nhwc"))},
        dynamo=False,
    )
    with pytest.raises(ExperimentError, match=r"any size; choose one with \[target\] size"):
        target(f"onnx:{tmp_path / 'any.onnx'}")
    made = target(f"onnx:{tmp_path / 'any.onnx'}", size=16, **SCALED)
    np.testing.assert_allclose(made.score(noise(3)).probs, by_hand(noise(3)), atol=1e-5)


def test_of_several_outputs_one_is_chosen(tmp_path) -> None:
    model = export_onnx(WithFeatures(), tmp_path / "several.onnx", FLOATS)
    with pytest.raises(ExperimentError, match=r"output = NAME: \S+ \[4, 8\], \S+ \[4, 5, 1, 1\]$"):
        target(model)
    made = target(model, output="1", **SCALED)
    np.testing.assert_allclose(made.score(noise(3)).probs, by_hand(noise(3)), atol=1e-5)
    assert "gives logits (its output " in made.describe()
    name = made.describe().partition("its output '")[2].partition("'")[0]
    assert target(model, output=name, **SCALED).spec.classes == made.spec.classes
    assert made.fingerprint() != target(model, output="0", **SCALED).fingerprint()
    with pytest.raises(
        ExperimentError, match=r"output = logits: there is no such output; .*\[4, 8"
    ):
        target(model, output="logits")
    with pytest.raises(ExperimentError, match=r"output = 2: is not \[images, classes\]"):
        target(model, output="2")


def test_numbers_that_may_be_either_are_asked_about(tmp_path) -> None:
    model = export_onnx(Sigmoids(), tmp_path / "sigmoids.onnx", FLOATS)
    with pytest.raises(ExperimentError, match=r"sum to .*, not to 1; .* answers = logits, or prob"):
        target(model, **SCALED)
    with torch.inference_mode():
        shares = Sigmoids()((noise(3) / 255 - 0.5) / 0.25)
    told = target(model, answers="probabilities", **SCALED).score(noise(3)).probs
    np.testing.assert_allclose(told, shares / shares.sum(1, keepdim=True), atol=1e-5)
    other = target(model, answers="logits", **SCALED).score(noise(3)).probs
    np.testing.assert_allclose(other, shares.softmax(1), atol=1e-5)


def test_an_onnx_graph_that_rounds_by_the_batch_is_computed_image_by_image(tmp_path) -> None:
    model = export_onnx(Small(), tmp_path / "floats.onnx", FLOATS)
    quantisation = pytest.importorskip("onnxruntime.quantization")
    quantisation.quantize_dynamic(
        model.removeprefix("onnx:"),
        str(tmp_path / "rounded.onnx"),
        weight_type=quantisation.QuantType.QUInt8,
    )
    made = target(f"onnx:{tmp_path / 'rounded.onnx'}", **SCALED)
    images = torch.cat([noise(3) // 8, noise(2)])
    alone = np.concatenate([made.score(image[None]).probs for image in images])
    np.testing.assert_array_equal(made.score(images).probs, alone)
    assert "one image at a time (the graph quantises dynamically" in made.describe()


def test_an_input_that_is_not_of_images_is_refused(tmp_path) -> None:
    network = nn.Sequential(nn.Conv2d(4, 5, 16), nn.Flatten())
    model = export_onnx(network, tmp_path / "four.onnx", torch.zeros(1, 4, 16, 16))
    with pytest.raises(TargetError, match=r"takes \[any, 4, 16, 16\]; export a classifier of"):
        target(model)
    model = export_onnx(Bytes(), tmp_path / "bytes.onnx", BYTES_LAST)
    with pytest.raises(ExperimentError, match=r"takes bytes .*scales them itself"):
        target(model, mean=[0.5])
