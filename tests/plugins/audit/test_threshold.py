"""``neatfool threshold``: the threshold, what it does to other images, and the code to paste."""

import json
import shutil
import signal
import subprocess
import time
from html import unescape

import numpy as np
import pytest
import torch
from commands import neatfool, neatfool_process, write_experiment
from PIL import Image
from scipy.special import logit, softmax

from neatfool import ExperimentError, ImageSpec, analysis
from neatfool.spec.scores import log_odds
from neatfool_plugins.audit.confidence import ConfidenceRecord
from neatfool_plugins.audit.threshold import evidence, measure
from neatfool_plugins.audit.threshold.decision import decide, write_code
from neatfool_plugins.mnist.lenet import load_digits

SPEC = ImageSpec(28, 28, 1, [*"0123456789"])


def kind(group, odds, named=None, seeds=()):
    """Describe images of one kind."""
    odds = np.asarray(odds, float).tolist()
    named = [0] * len(odds) if named is None else [*map(int, named)]
    return ConfidenceRecord(
        kind=group, group=group, what=group, named=named, log_odds=odds, seeds=[*seeds]
    )


def normal(mean, count, seed=1):
    return np.random.default_rng(seed).normal(mean, 1, count)


def test_the_threshold_is_judged_by_images_that_it_was_not_fitted_to():
    known, noise = kind("in-distribution", normal(8, 300)), kind("noise", normal(0, 300, 2))
    found = decide([known, noise], SPEC, 0.01)
    fitted = np.arange(300) % 3 < 2
    assert (np.array(noise.log_odds)[fitted] >= found.log_odds).sum() <= 2
    passed = int((np.array(noise.log_odds)[~fitted] >= found.log_odds).sum())
    assert found.judged.accepted == {"noise": (passed, 100)}
    assert found.judged.kept.value == np.mean(np.array(known.log_odds)[~fitted] >= found.log_odds)
    assert found.judged.helps


def test_a_threshold_that_another_search_passes_does_not_help():
    odds = np.concatenate([normal(0, 100), normal(0, 100, 2), normal(6, 100, 3)])
    evolved = kind("evolved", odds, seeds=np.repeat([0, 1, 2], 100))
    found = decide([kind("in-distribution", normal(8, 300)), evolved], SPEC, 0.01)
    assert found.judged.accepted["evolved"][0] > 50
    assert not found.judged.helps


def test_classes_have_their_own_thresholds_where_that_keeps_more_photographs():
    noise = kind("noise", normal(6, 300, 2), named=np.full(300, 3))
    known = kind("in-distribution", normal(5, 300), named=np.arange(300) % 10)
    blank = kind("blank", normal(0, 300, 4), named=np.arange(300) % 10)
    found = decide([known, noise, blank], SPEC, 0.01)
    assert found.log_odds is None
    assert found.by_class[3] == max(found.by_class.values())
    assert found.judged.kept.value > 0.8
    assert found.judged.helps
    sure = kind("in-distribution", normal(12, 300), named=np.arange(300) % 10)
    assert decide([sure, noise, blank], SPEC, 0.01).by_class is None


def test_no_threshold_is_high_enough_for_images_of_endless_confidence():
    endless = kind("blank", np.full(90, 1e6))
    assert decide([kind("in-distribution", normal(8, 90)), endless], SPEC, 0.01) is None


def in_python(code, vectors):
    names = {}
    exec(code, names)
    return [names["decide"](each) for each in vectors]


def in_javascript(code, vectors, folder):
    if not shutil.which("node"):
        pytest.skip("Node is not installed")
    data = json.dumps(vectors.astype(float).tolist())
    (folder / "run.js").write_text(f"{code}\nconsole.log(JSON.stringify({data}.map(decide)))")
    return json.loads(subprocess.check_output(["node", folder / "run.js"]))


def in_kotlin(code, vectors, folder):
    if not (compiler := shutil.which("kotlinc")):
        pytest.skip("kotlinc, the compiler of Kotlin, is not installed (npm has kotlin-compiler)")
    main = (
        "fun main() { generateSequence(::readLine).forEach { line -> "
        "println(decide(line.split(' ').map { it.toFloat() }.toFloatArray())) } }"
    )
    (folder / "run.kt").write_text(f"{code}\n{main}\n")
    built = folder / "run.jar"
    subprocess.run(
        [compiler, folder / "run.kt", "-include-runtime", "-d", built], check=True, timeout=300
    )
    lines = "\n".join(" ".join(map(repr, each)) for each in vectors.astype(float).tolist())
    given = subprocess.run(["java", "-jar", built], input=lines, check=True, text=True, stdout=-1)
    return [None if each == "null" else int(each) for each in given.stdout.split()]


RULES = {
    "one threshold": (1.5, SPEC),
    "near certainty": (18.0, SPEC),
    "by class": ({place: place / 3 for place in range(10)}, SPEC),
    "a class of nothing": (1.5, ImageSpec(28, 28, 1, SPEC.classes, nothing=("4", "7"))),
    "classes of their own": (0.5, ImageSpec(28, 28, 1, SPEC.classes, sums_to_one=False)),
}


COMPILED = ("by class", "a class of nothing", "classes of their own")


@pytest.mark.parametrize(
    ("language", "name"),
    [
        *((language, name) for language in ("Python", "JavaScript") for name in RULES),
        *(pytest.param("Kotlin", name, marks=pytest.mark.slow) for name in COMPILED),
    ],
)
def test_the_code_decides_as_the_threshold_does(language, name, tmp_path):
    rule, spec = RULES[name]
    chance = np.random.default_rng(5)
    logits = chance.normal(0, 1, (1000, 10)) * chance.choice([1, 3, 12], (1000, 1))
    vectors = softmax(logits, 1).astype(np.float32)
    odds = log_odds(logits) if spec.sums_to_one else logit(vectors.astype(float))
    best = vectors.argmax(1)
    least = np.array([rule] * 10 if isinstance(rule, float) else [*rule.values()])
    accepted = (odds.max(1) >= least[best]) & ~np.isin(best, [*map(int, spec.nothing)])
    wanted = [int(each) if yes else None for each, yes in zip(best, accepted, strict=True)]
    assert 100 < sum(accepted) < 900 or name == "near certainty"
    code = write_code(rule, spec)[language]
    run = {"JavaScript": in_javascript, "Kotlin": in_kotlin}.get(language)
    assert (run(code, vectors, tmp_path) if run else in_python(code, vectors)) == wanted


@pytest.fixture
def one_round(monkeypatch):
    """Have one round with searches of so many images, so that the time decides nothing."""

    def limit(searched):
        sizes = {"photographs": 150, "simple": 30, "searched": searched}
        monkeypatch.setattr(evidence, "FIRST", sizes)
        monkeypatch.setattr(evidence, "MOST", sizes)
        monkeypatch.setattr(evidence, "SEEDS", 3)

    return limit


def test_the_packaged_network_has_no_threshold_and_says_what_was_tried(one_round, tmp_path):
    one_round(1200)
    file = tmp_path / "mnist.ini"
    file.write_text("[target]\nplugin = mnist\n")
    found = analysis.threshold(str(file), seconds=600)
    assert found.photographs == 150
    assert (found.searches, found.searched) == (3, 1200)
    assert found.title == str(file)
    assert not found.decision.judged.helps
    assert found.verdict().startswith("No threshold helps: ")
    names = {each.name.partition(":")[0] for each in found.remedies}
    assert {"detector energy", "a class nothing", "Outlier Exposure"} <= names
    assert "<img" in found.html()
    assert found.description in found.html()


def write_digits(folder):
    """Write every second digit as a PNG file, in a folder for each class."""
    for number, (image, label) in enumerate(zip(*load_digits(), strict=True)):
        if number % 2:
            (folder / str(label)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[0]).save(folder / str(label) / f"{number}.png")
    return folder


class Nearest(torch.nn.Module):
    """Tells digits by the nearest of the others, in cosines; meaningless images are far from all.

    Each class has a confidence of its own.
    """

    def __init__(self):
        super().__init__()
        images, labels = load_digits()
        known = torch.from_numpy(images[::2]).flatten(1).float()
        self.register_buffer("known", torch.nn.functional.normalize(known - known.mean(1, True)))
        self.register_buffer("labels", torch.from_numpy(labels[::2]))

    def forward(self, images):
        flat = images.flatten(1)
        flat = torch.nn.functional.normalize(flat - flat.mean(1, True))
        cosines = flat @ self.known.T
        best = [cosines[:, self.labels == n].max(1).values for n in range(10)]
        return torch.sigmoid(20 * (torch.stack(best, 1) - 0.6))


@pytest.fixture(scope="module")
def nearest(tmp_path_factory):
    """Give the options that open a network in a file, and a folder of digits."""
    folder = tmp_path_factory.mktemp("nearest")
    torch.jit.script(Nearest().eval()).save(folder / "nearest.pt")
    names = folder / "names.txt"
    names.write_text("\n".join("0123456789"))
    options = {"size": 28, "mean": 0, "std": 1, "outputs": "multi_label", "class_names": names}
    settings = [f"target.{key}={value}" for key, value in options.items()]
    return f"torchscript:{folder / 'nearest.pt'}", settings, write_digits(folder / "digits")


def test_a_network_in_a_file_and_a_folder_of_photographs_give_a_threshold_and_its_code(
    nearest, one_round
):
    one_round(200)
    model, settings, digits = nearest
    found = analysis.threshold(model, photos=digits, others=digits, overrides=settings, seconds=600)
    assert found.decision.judged.helps
    assert found.verdict().startswith("Accept at ")
    assert found.right > 0.7
    assert not found.remedies
    assert "others" in found.decision.judged.accepted
    page = unescape(found.html())
    assert all(code in page for code in found.decision.code.values())
    assert "target.mean" not in page
    assert "scaled (x - 0) / 255" in page
    several = {"left_out": ["`one`, why", "two"], "limits": []}
    assert "Not tried: one, why; two." in unescape(found.model_copy(update=several).html())
    misread = found.model_copy(update={"right": 0.37})
    assert "classifies only 37 % of the photographs" in unescape(misread.html())


def test_an_answer_that_few_evolved_images_judge_says_so(nearest, one_round, tmp_path):
    one_round(40)
    *_, digits = nearest
    found = analysis.threshold(str(write_experiment(tmp_path)), photos=digits, seconds=600)
    assert found.verdict().startswith("No verdict yet: 4 evolved images judge ")
    assert "Paste the decision" not in found.html()


def test_too_few_photographs_are_refused(nearest, tmp_path):
    Image.new("L", (28, 28)).save(tmp_path / "one.png")
    with pytest.raises(ExperimentError, match="--photos: 1 photographs are too few"):
        analysis.threshold(nearest[0], photos=tmp_path, overrides=nearest[1])


def test_an_interruption_while_a_threshold_is_decided_gives_the_answer_so_far(
    nearest, one_round, monkeypatch
):
    def interrupt(*_):
        monkeypatch.setattr(measure, "decide", decide)
        raise KeyboardInterrupt

    one_round(200)
    model, settings, digits = nearest
    first = evidence.Evidence._search

    def search(self, seed, images):
        first(self, seed, images)
        if self.searched:
            monkeypatch.setattr(measure, "decide", interrupt)

    monkeypatch.setattr(evidence.Evidence, "_search", search)
    found = analysis.threshold(model, photos=digits, overrides=settings, seconds=600)
    assert found.limits[0].startswith("You interrupted the command")
    assert found.searched


@pytest.mark.slow
def test_the_command_answers_in_time_and_at_control_c(nearest, tmp_path):
    model, settings, digits = nearest
    options = ["--photos", digits, *(word for each in settings for word in ("--set", each))]
    page, table = tmp_path / "threshold.html", tmp_path / "threshold.csv"
    made = neatfool(
        "threshold", model, *options, "--seconds", 10, "--json", "--html", page, "--csv", table
    )
    assert made.exit_code == 0, made.output
    found = json.loads(made.stdout)
    assert found["seconds"] < 15
    assert found["searched"] > 0
    assert "threshold" in page.read_text()
    heads, *lines = table.read_text().splitlines()
    assert heads == "decision,group,images,accepted"
    assert len(lines) == 4
    began = time.monotonic()
    process = neatfool_process("threshold", model, *options, "--seconds", 300)
    for line in process.stderr:
        if " of 300 s" in line and "no answer" not in line:
            break
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert time.monotonic() - began < 200
    assert "You interrupted the command" in output
