import logging
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from paid import PaidToy

import neatfool
from neatfool import BudgetSpent, ExperimentError, ImageSpec, ModuleTarget, RunError
from neatfool.network.network import Form, in_form
from neatfool.run.images import decode_png, encode_png


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


def test_it_says_how_it_reads_the_model_if_it_shows_progress(tmp_path, capsys):
    how = {"image": (3, 8, 6), "classes": ["a", "b", "none"]}
    fool(Linear().eval(), tmp_path / "run", progress=True, **how)
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("Linear: gives logits")
    assert said[1].startswith("Means that nothing is there (guessed by name")
    fool(Linear().eval(), tmp_path / "quiet", **how)
    assert capsys.readouterr().err == ""


def test_images_of_64_pixels_begin_with_the_preset_that_serves_them(tmp_path):
    options = {"images": 80, "classes": 2, "scheme_options": {"batch": 40}}
    for size, preset in ((64, "patterns"), (63, "paper")):
        run = fool(brightness, tmp_path / preset, image=(3, 64, size), **options)
        assert run.experiment["encoding"]["preset"] == preset
    chosen = {"preset": "neat", "colour": "rgb"}
    run = fool(brightness, tmp_path / "neat", image=(3, 64, 64), encoding_options=chosen, **options)
    assert run.experiment["encoding"]["preset"] == "neat"
    # An earlier version began with another.
    more = {**options, "images": 160, "resume_run": True}
    assert fool(brightness, tmp_path / "paper", image=(3, 64, 63), **more).evaluations == 160


def test_a_run_goes_on_only_with_the_views_it_began_with(tmp_path):
    options = {"image": (1, 12, 10), "classes": 2, "images": 80}
    for begun, then in (({}, {"views": {"light": 30}}), ({"views": {"light": 30}}, {})):
        folder = tmp_path / str(len(begun))
        fool(brightness, folder, **options, **begun)
        with pytest.raises(RunError, match="views"):
            fool(brightness, folder, **{**options, "images": 800}, **then, resume_run=True)
    with pytest.raises(ExperimentError, match=r"encoding: .* is neither a name nor a class"):
        fool(brightness, tmp_path / "options", **options, encoding={"band_limit": 0.5})
    with pytest.raises(ExperimentError, match="views: must be a JSON object"):
        fool(brightness, tmp_path / "list", **options, views=["move"])


def test_a_run_goes_on_only_as_it_was_scored(tmp_path):
    options = {"image": (1, 12, 10), "classes": 2}
    fool(brightness, tmp_path / "run", images=80, **options)
    with pytest.raises(RunError, match="batch_size"):
        fool(
            brightness,
            tmp_path / "run",
            images=160,
            target_options={"batch_size": 7},
            resume_run=True,
            **options,
        )


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


def test_a_target_of_ones_own_is_taken_with_its_own_spec(tmp_path):
    from neatfool.testing import ToyTarget

    for classes in (["a", "b"], list("abcdx")):
        with pytest.raises(neatfool.ExperimentError, match=r"classes: .* is not its"):
            fool(ToyTarget(), tmp_path / "run", image=(1, 4, 4), classes=classes)
    with pytest.raises(neatfool.ExperimentError, match=r"image: \(1, 4, 5\) is not its spec's"):
        fool(ToyTarget(), tmp_path / "run", image=(1, 4, 5), classes=list("abcde"))
    run = fool(ToyTarget(), tmp_path / "run", image=(1, 4, 4), classes=list("abcde"))
    assert run.classes == tuple("abcde")


def test_a_run_from_python_takes_no_length_that_it_has_passed(tmp_path):
    how = {"image": (1, 12, 10), "classes": 2}
    fool(brightness, tmp_path / "run", images=200, **how)
    for length in ({"images": 199}, {"images": None, "generations": 5}):
        with pytest.raises(RunError, match=r"already, so .* Its length is 200 images;"):
            fool(brightness, tmp_path / "run", resume_run=True, **how | length)
    assert fool(brightness, tmp_path / "run", images=200, resume_run=True, **how).finished


def test_unknown_schemes_and_options_are_said_to_be_unknown(tmp_path):
    how = {"image": (1, 4, 4), "classes": 2}
    with pytest.raises(neatfool.PluginError, match="did you mean 'map_elites'"):
        fool(brightness, tmp_path / "run", scheme="map_elite", **how)
    with pytest.raises(neatfool.ExperimentError, match="batch"):
        fool(brightness, tmp_path / "run", scheme_options={"batches": 3}, **how)


@pytest.mark.parametrize(
    ("model", "how", "words"),
    [
        (None, {}, "model: None is not a model"),
        (Linear, {}, "model: .* is not a model; give a torch module"),
        (brightness, {"mean": 0.5}, "mean, std: are for a torch module"),
        (PaidToy(), {"outputs": "logits"}, "outputs: is for a torch module or a function"),
        (Linear().eval(), {"mean": 0.5}, "mean, std: go together"),
        (Linear().eval(), {"std": [0.5] * 2, "mean": 0}, r"mean, std: .* one a channel \(1\)"),
        (
            *(brightness, {"target_options": {"max_queries": 5}}),
            "max_queries: .*; limit the run by images$",
        ),
        (brightness, {"target_options": {"precision": "fp64"}}, "precision: "),
        (brightness, {"scheme_options": {"batch": 0}}, "scheme_options: batch: must be > 0"),
        (brightness, {"encoding_options": {"colour": "rgb"}}, "encoding_options: colour = rgb: "),
        (brightness, {"nothing": ["no such class"]}, "nothing: "),
        (brightness, {"threshold": {"no such class": 0.5}}, "threshold: "),
    ],
)
def test_what_cannot_be_fooled_is_refused_in_words(tmp_path, model, how, words):
    settings = {"image": (1, 8, 8), "classes": 2} | how
    with pytest.raises(ExperimentError, match=f"^{words}"):
        fool(model, tmp_path / "run", **settings)


class Convolution(torch.nn.Conv2d):
    def forward(self, images):
        return super().forward(images).mean((2, 3))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda images: brightness(images)[:, :1].repeat(3, 1), r"model: gives shape \(.*, 3\)"),
        (Convolution(1, 5, 3).eval(), r"model: gives shape \(.*, 5\)"),
        (Convolution(3, 2, 3).eval(), "model: failed on .* say so with image="),
        (lambda images: brightness(images)[:, 0], r"model: gives shape .* here \(.*, 2\)"),
        (lambda images: None, "model: probabilities are not numbers"),
        (lambda images: np.log(brightness(images)), "model: gives numbers from .* softmax"),
        (lambda images: brightness(images) / 2, "model: gives an image numbers that sum to 0.5"),
        (lambda images: 0 * brightness(images), "model: gives an image numbers that sum to 0;"),
    ],
)
def test_an_answer_that_does_not_fit_is_told_in_the_words_of_the_arguments(tmp_path, model, words):
    with pytest.raises(neatfool.TargetError, match=f"^{words}") as caught:
        fool(model, tmp_path / "run", image=(1, 8, 6), classes=2)
    assert not re.search(r"logits=|probs|score\(\)|ImageSpec", str(caught.value))


WRONG = {
    "name": ["../x", "my model", "", 7],
    "seed": [1.5, -1, 2**70, "3", True, None],
    "images": [True, 0, "many", 2.0],
    "generations": [False, 0],
    "classes": [["a", ""], [" ", "b"], [""] * 10, ["one"], 0, True, 2.5, "ab", {"a": 1}],
    "image": [(1, 28.0, 28), (1, True, 8), (8, 8), (224, 224, 3), (1, 0, 8), 28, "123"],
    "mean": [[127.0], -0.1, float("nan"), "0.5", [True], []],
    "std": [[0], 0.0, [58.4], float("inf")],
}


@pytest.mark.parametrize(
    ("argument", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_wrong_argument_is_refused_by_its_name(tmp_path, monkeypatch, argument, value):
    monkeypatch.chdir(tmp_path)
    how = {"image": (1, 8, 6), "classes": 3} | {argument: value}
    with pytest.raises(ExperimentError) as caught:
        neatfool.fool(Linear().eval(), progress=False, **how)
    assert str(caught.value).startswith(f"{argument}: ")
    assert not re.search(r"\[(experiment|target)\]|--|\n", str(caught.value))
    assert not any(tmp_path.iterdir())


def test_all_wrong_arguments_are_told_at_once(tmp_path):
    with pytest.raises(ExperimentError) as caught:
        fool(brightness, tmp_path / "run", image=(1, 8.5, 8), classes=2, seed="3", name="my model")
    assert str(caught.value).splitlines() == [
        "name: 'my model' cannot name a folder; use letters, figures and . _ + - only, for "
        "example 'my-model'",
        "seed: must be a whole number, not '3'",
        "image: item 2 must be a whole number, not 8.5",
    ]


def test_numbers_of_numpy_and_torch_are_numbers(tmp_path):
    module, shape = Linear().eval(), torch.zeros(3, 8, 6).shape
    plain = fool(module, tmp_path / "a", image=shape, classes=3, mean=0.0, std=1, images=40)
    arrays = fool(
        module,
        tmp_path / "b",
        image=np.array(shape),
        classes=np.array(["0", "1", "2"]),
        mean=np.zeros(3, np.float32),
        std=torch.ones(3),
        images=np.int64(40),
        seed=np.int64(1),
    )
    assert [elite.confidence for elite in arrays] == [elite.confidence for elite in plain]


def test_a_folder_that_is_taken_is_told_of_in_the_words_of_python(tmp_path):
    how = {"image": (1, 12, 10), "classes": 2, "images": 40}
    fool(brightness, tmp_path / "run", **how)
    with pytest.raises(RunError, match="holds a run already") as caught:
        fool(brightness, tmp_path / "run", **how)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    with pytest.raises(RunError, match=r"holds no run, but 'letter.txt'") as other:
        fool(brightness, tmp_path / "full", **how)
    assert "(in Python: overwrite, out)" in str(caught.value)
    assert "(out in Python)" in str(other.value)


def test_threads_at_the_same_time_take_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begin = threading.Barrier(3)

    def call(_):
        begin.wait()
        model = Linear().eval()
        return neatfool.fool(model, image=(3, 8, 6), classes=3, images=40, progress=False)

    with ThreadPoolExecutor(3) as pool:
        folders = sorted(str(run.path) for run in pool.map(call, range(3)))
    assert folders == ["runs/linear-1", "runs/linear-1-2", "runs/linear-1-3"]


def test_a_run_that_ends_early_says_how_to_go_on(tmp_path, caplog):
    how = {"image": (1, 4, 4), "classes": [*"abcde"], "target_options": {"max_queries": 30}}
    fool(PaidToy(), tmp_path / "run", **how)
    (said,) = [each for each in caplog.messages if each.startswith("the run is spent: ")]
    assert f"the same call with out={str(tmp_path / 'run')!r} and resume_run=True goes on" in said


def test_a_run_that_is_interrupted_says_how_to_go_on(tmp_path, caplog):
    def interrupted(images):
        if len(calls) == 4:
            signal.raise_signal(signal.SIGINT)
        calls.append(1)
        return brightness(images)

    calls = []
    run = fool(interrupted, tmp_path / "run", image=(1, 12, 10), classes=2)
    assert 0 < run.evaluations < 400
    assert "the run is interrupted; the same call with out=" in caplog.text


def test_an_interrupt_during_the_last_generation_reaches_the_caller(tmp_path):
    def interrupted(images):
        if (tmp_path / "run" / "run.db").exists():
            signal.raise_signal(signal.SIGINT)
        return brightness(images)

    how = {"image": (1, 12, 10), "classes": 2, "images": 40}
    with pytest.raises(KeyboardInterrupt):
        fool(interrupted, tmp_path / "run", **how)
    assert neatfool.open_run(tmp_path / "run").evaluations == 40


def test_a_run_is_overwritten_if_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    how = {"image": (1, 12, 10), "classes": 2, "images": 40, "progress": False, "name": "b"}
    for _ in range(2):
        run = neatfool.fool(brightness, seed=3, overwrite=True, **how)
        assert run.path == Path("runs/b-3")
    assert neatfool.fool(brightness, seed=3, **how).path == Path("runs/b-3-2")
    with pytest.raises(ExperimentError, match=r"^overwrite: .* give one of the two"):
        neatfool.fool(brightness, out="runs/b-3", overwrite=True, resume_run=True, **how)
    with pytest.raises(ExperimentError, match=r"^out: missing"):
        neatfool.fool(brightness, resume_run=True, **how)


SCHEME = """\
from neatfool import hookimpl
from neatfool_plugins.map_elites import MapElites, Options

@hookimpl
def neatfool_run_started(run):
    (run.path / "seen").touch()

@hookimpl
def neatfool_register_schemes(register):
    register("mine", MapElites, options=Options)
"""


def test_a_scheme_in_a_file_is_used(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(SCHEME, encoding="utf-8")
    how = {"image": (1, 12, 10), "classes": 2, "scheme": "mine"}
    run = fool(brightness, tmp_path / "run", plugins=file, images=40, **how)
    assert run.experiment["scheme"]["plugin"] == "mine"
    assert (run.path / "seen").exists()
    run = fool(brightness, tmp_path / "run", plugins=[file], images=80, resume_run=True, **how)
    assert run.evaluations == 80
    with pytest.raises(neatfool.PluginError, match="unknown scheme 'mine'"):
        fool(brightness, tmp_path / "other", **how)


# --- a run checks itself


def invert(elite):
    elite.file.write_bytes(encode_png(255 - decode_png(elite.png)))


def test_a_run_scores_its_files_again_with_the_model_it_was_made_with(tmp_path):
    how = {"image": (3, 8, 6), "classes": 3, "mean": (0.4, 0.5, 0.6), "std": 0.25}
    run = fool(Shifted().eval(), tmp_path / "run", **how)
    verdict = run.verify()
    assert [each.measured for each in verdict.results] == [elite.confidence for elite in run]
    assert (verdict.wrong, verdict.summary()["images"]) == ([], 3)
    assert "3 images scored from their files: 0 wrong" in repr(verdict)
    invert(run["1"])
    assert [each.name for each in run.verify().wrong] == ["1"]
    assert run.verify(tolerance=1).wrong == []


class Shifted(Linear):
    def forward(self, images):
        return images.flatten(1) @ self.weights.T


def test_a_run_that_is_opened_later_asks_for_its_model(tmp_path):
    how = {"image": (3, 8, 6), "classes": 3, "mean": (0.4, 0.5, 0.6), "std": 0.25}
    fool(Shifted().eval(), tmp_path / "run", **how)
    run = neatfool.open_run(tmp_path / "run")
    with pytest.raises(RunError, match=r"only Python has its target.*model=model\)"):
        run.verify()
    assert run.verify(Shifted().eval()).wrong == []


def test_verifying_keeps_to_the_budget(tmp_path):
    how = {
        "image": (1, 4, 4),
        "classes": [*"abcde"],
        "images": 90,
        "target_options": {"max_queries": 30},
    }
    run = fool(PaidToy(), tmp_path / "run", **how)
    with pytest.raises(BudgetSpent, match=r"verifying takes . queries") as caught:
        run.verify()
    assert str(caught.value).endswith("; a larger max_queries allows more")
    assert run.verify(PaidToy(), max_queries=100).wrong == []
    with pytest.raises(ExperimentError, match=r"^max_queries: must be > 0, not 0"):
        run.verify(max_queries=0)


def test_a_missing_file_is_told_of_in_the_words_of_python(tmp_path):
    run = fool(brightness, tmp_path / "run", image=(1, 12, 10), classes=2, images=40)
    run["1"].file.unlink()
    with pytest.raises(neatfool.VerificationError, match=r"missing; resuming the run writes"):
        run.verify()


def test_a_run_writes_its_report(tmp_path):
    run = fool(brightness, tmp_path / "run", image=(1, 12, 10), classes=2, images=40)
    assert run.report() == tmp_path / "run" / "report.html"
    assert "brightness" in run.report().read_text(encoding="utf-8")


def test_images_without_a_score_are_told(tmp_path, caplog):
    def blind(images):
        scores = brightness(images)
        scores[images.mean((1, 2, 3)) > 150] = np.nan
        return scores

    run = fool(blind, tmp_path / "run", image=(1, 12, 10), classes=2)
    refused = sum(report.refused for report in run.history)
    assert refused > 1
    said = f"{refused} images got no usable score and were left out"
    assert (logging.WARNING, said) in [(each.levelno, each.message) for each in caplog.records]


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


def test_a_plugin_of_a_few_lines_makes_a_target_of_a_torch_module(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "from neatfool import ImageSpec, ModuleTarget, hookimpl\n"
        "class Mine(ModuleTarget):\n"
        "    def __init__(self, options):\n"
        "        sums = torch.nn.Linear(48, 2, bias=False)\n"
        "        torch.nn.init.ones_(sums.weight)\n"
        "        module = torch.nn.Sequential(torch.nn.Flatten(), sums).eval()\n"
        "        super().__init__(module, ImageSpec(4, 4, 3, ('a', 'b')), mean=[0.5] * 3)\n"
        "@hookimpl\n"
        "def neatfool_register_targets(register):\n"
        "    register('mine', Mine)\n"
    )
    (tmp_path / "mine.ini").write_text("[plugins]\npath = mine.py\n[target]\nplugin = mine\n")
    target = neatfool.make_target(tmp_path / "mine.ini")
    images = torch.full((2, 3, 4, 4), 255, dtype=torch.uint8)
    logits = target.logits_of(images.float())
    assert isinstance(target, neatfool.Differentiable)
    assert logits.tolist() == [[24.0, 24.0]] * 2  # 48 times (255 / 255 - 0.5)
    assert target.score(images).logits.tolist() == logits.tolist()
    assert target.fingerprint()


def test_a_run_goes_on_from_python(tmp_path):
    how = {"image": (1, 12, 10), "classes": ["dark", "bright"]}
    fool(brightness, tmp_path / "run", images=200, **how)
    run = fool(brightness, tmp_path / "run", images=400, resume_run=True, **how)
    whole = fool(brightness, tmp_path / "whole", images=400, **how)
    assert run.evaluations == 400
    assert [e.candidate_id for e in run] == [e.candidate_id for e in whole]
