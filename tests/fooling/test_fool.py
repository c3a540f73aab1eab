import numpy as np
import pytest
import torch

import neatfool
from neatfool import ImageSpec
from neatfool.evolution.verification import verify
from neatfool.fooling.python_target import ModuleTarget
from neatfool.network.network import Form, in_form
from neatfool.run.images import decode_png
from neatfool.scoring.plan import Plan


def brightness(images):
    """Says "bright" or "dark" from the mean pixel."""
    bright = 1 / (1 + np.exp(-12 * (images.mean((1, 2, 3)) / 255 - 0.5)))
    return np.stack([1 - bright, bright], 1)


class Linear(torch.nn.Module):
    def __init__(self):
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        weights = torch.randn(3, 3 * 8 * 6, generator=draw)
        self.weights = torch.nn.Parameter(weights)

    def forward(self, images):
        assert images.dtype == torch.float32
        assert 0 <= images.min() <= images.max() <= 1
        return images.flatten(1) @ self.weights.T


def fool(model, folder, **more):
    settings = {"images": 400, "out": folder, "progress": False, "scheme_options": {"batch": 40}}
    return neatfool.fool(model, **settings | more)


def test_three_lines_fool_a_function(tmp_path):
    run = fool(brightness, tmp_path / "run", image=(1, 12, 10), classes=["dark", "bright"])
    assert run.evaluations == 400
    assert run["bright"].confidence > 0.99
    assert np.asarray(run["bright"].image()).mean() > np.asarray(run["dark"].image()).mean()


def test_three_lines_fool_a_module(tmp_path):
    run = fool(Linear().eval(), tmp_path / "run", image=(3, 8, 6), classes=3)
    assert run.classes == ("0", "1", "2")
    assert all(elite.confidence > 0.5 for elite in run)
    assert run["1"].image().size == (6, 8)


class Halving(torch.nn.Module):
    def forward(self, images):
        return images.mul_(0.5).mean((2, 3)) * 12 - 3


def halving(images):
    images //= 2
    return brightness(images * 2)


@pytest.mark.parametrize("model", [halving, Halving().eval()])
def test_a_model_that_writes_to_its_images_is_shown_what_is_saved(tmp_path, model):
    kind = (1, 12, 10) if model is halving else (3, 12, 10)
    run = fool(model, tmp_path / "run", image=kind, classes=kind[0] if kind[0] > 1 else 2)
    for elite in run:
        image = decode_png(elite.file.read_bytes())[None].copy()
        if model is halving:
            again = model(image)
        else:
            again = model(torch.from_numpy(image / 255).float()).softmax(1).numpy()
        assert elite.confidence == pytest.approx(again[0, elite.index], abs=1e-6)


def test_mean_and_std_are_applied_to_each_channel(tmp_path):
    seen = []

    class Watching(torch.nn.Module):
        def forward(self, images):
            seen.append(images.amin((0, 2, 3)))
            return torch.zeros(len(images), 2)

    fool(
        Watching().eval(),
        tmp_path / "run",
        image=(3, 4, 4),
        classes=2,
        mean=(0.5, 0.0, 1.0),
        std=(0.5, 1.0, 1.0),
    )
    lowest = torch.stack(seen).amin(0)
    assert lowest.tolist() == pytest.approx([-1, 0, -1], abs=0.1)


def test_a_module_that_gives_probabilities_is_taken_at_its_word(tmp_path):
    class Softmax(Linear):
        def forward(self, images):
            return super().forward(images).softmax(1)

    plain = fool(Linear().eval(), tmp_path / "a", image=(3, 8, 6), classes=3, images=40)
    soft = fool(Softmax().eval(), tmp_path / "b", image=(3, 8, 6), classes=3, images=40)
    for one, other in zip(plain, soft, strict=True):
        assert one.confidence == pytest.approx(other.confidence, abs=1e-6)


def test_an_image_without_a_score_does_not_change_what_probabilities_are(tmp_path):
    class Softmax(Linear):
        def forward(self, images):
            probabilities = super().forward(images).softmax(1)
            unscored = (images.mean((1, 2, 3), keepdim=True) > 0.6).flatten(1)
            return probabilities.where(~unscored, float("nan"))

    run = fool(Softmax().eval(), tmp_path / "run", image=(3, 8, 6), classes=3, images=120)
    refused = sum(report.refused for report in run.history)
    assert 0 < refused < 120
    assert max(elite.confidence for elite in run) > 0.99


def test_a_first_batch_without_numbers_does_not_say_what_logits_are():
    class FirstBlind(Linear):
        blind = True

        def forward(self, images):
            logits = super().forward(images)
            return logits * float("nan") if self.blind else logits

    module = FirstBlind().eval()
    target = ModuleTarget(module, neatfool.ImageSpec(8, 6, 3, ("a", "b", "c"), array="torch"))
    target.score(torch.zeros(2, 3, 8, 6, dtype=torch.uint8))
    module.blind = False
    scores = target.score(torch.full((2, 3, 8, 6), 200, dtype=torch.uint8))
    assert scores.logits is not None
    assert np.allclose(scores.probs.sum(1), 1)


def test_a_target_of_ones_own_is_taken_with_its_own_spec(tmp_path):
    from neatfool.testing import ToyTarget

    with pytest.raises(neatfool.ExperimentError, match="give those of its spec"):
        fool(ToyTarget(), tmp_path / "run", image=(1, 4, 4), classes=["a", "b"])
    run = fool(ToyTarget(), tmp_path / "run", image=(1, 4, 4), classes=list("abcde"))
    assert run.classes == tuple("abcde")


def test_a_module_in_training_mode_is_refused(tmp_path):
    with pytest.raises(neatfool.TargetError, match=r"\.eval\(\)"):
        fool(Linear(), tmp_path / "run", image=(3, 8, 6), classes=3)


def test_a_run_goes_on_from_python(tmp_path):
    how = {"image": (1, 12, 10), "classes": ["dark", "bright"]}
    fool(brightness, tmp_path / "run", images=200, **how)
    run = fool(brightness, tmp_path / "run", images=400, resume_run=True, **how)
    whole = fool(brightness, tmp_path / "whole", images=400, **how)
    assert run.evaluations == 400
    assert [e.candidate_id for e in run] == [e.candidate_id for e in whole]


def test_a_run_is_read_and_verified_later(tmp_path):
    fool(brightness, tmp_path / "run", image=(1, 12, 10), classes=["dark", "bright"])
    run = neatfool.open_run(tmp_path / "run")
    graph = run["bright"].graph()
    assert {data["kind"] for _, data in graph.nodes(data=True)} >= {"input", "output"}
    assert neatfool.cppn.from_graph(graph) == run["bright"].genome

    from neatfool.fooling.fool import _target
    from neatfool.scoring.scorer import Scorer

    target = _target(brightness, (1, 12, 10), ("dark", "bright"), mean=None, std=None, device="cpu")
    results = verify(run, Scorer(target, name="x", plan=Plan(7)))
    assert [result.measured for result in results] == [result.recorded for result in results]


def test_unknown_schemes_and_options_are_said_to_be_unknown(tmp_path):
    how = {"image": (1, 4, 4), "classes": 2}
    with pytest.raises(neatfool.PluginError, match="did you mean 'map_elites'"):
        fool(brightness, tmp_path / "run", scheme="map_elite", **how)
    with pytest.raises(neatfool.ExperimentError, match="batch"):
        fool(brightness, tmp_path / "run", scheme_options={"batches": 3}, **how)


@pytest.mark.parametrize(
    ("model", "how", "words"),
    [
        (brightness, {"image": (224, 224, 3)}, r"channels = 224.*\(channels, height, width\)"),
        (brightness, {"image": (8, 8)}, r"an image is \(channels, height, width\)"),
        (brightness, {"images": 0}, "length is a whole number >= 1, not 0"),
        (brightness, {"images": "many"}, "not 'many'"),
        (brightness, {"classes": ["one"]}, "at least two"),
        (None, {}, "None is no model"),
        (Linear, {}, "is no model; give a torch module"),
    ],
)
def test_what_cannot_be_fooled_is_refused_in_words(tmp_path, model, how, words):
    settings = {"image": (1, 8, 8), "classes": 2} | how
    with pytest.raises(neatfool.ExperimentError, match=words):
        fool(model, tmp_path / "run", **settings)


def test_a_run_counts_its_elites_and_refuses_images_of_no_size(tmp_path):
    run = fool(brightness, tmp_path / "run", image=(1, 8, 8), classes=2, images=40)
    assert len(run) == 2
    with pytest.raises(neatfool.ExperimentError, match="0 x 0 pixels"):
        run[0].image(0)


def test_probabilities_in_half_precision_sum_to_one():
    class Rounded(Linear):
        def forward(self, images):
            probabilities = super().forward(images).softmax(1)
            return probabilities * (0.99 if torch.is_autocast_enabled("cpu") else 1.0)

    spec = ImageSpec(height=8, width=6, channels=3, classes=("a", "b", "c"), array="torch")
    target = ModuleTarget(Rounded().eval(), spec, device="cpu")
    images = torch.randint(0, 256, (5, 3, 8, 6), dtype=torch.uint8)
    with in_form(target.networks, Form("bf16", "eager")):
        probs = np.asarray(target.score(images).probs)
    assert np.abs(probs.sum(1) - 1).max() < 1e-6
