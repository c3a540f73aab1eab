"""``neatfool retrain`` on digits: what it reports, and that it goes on as if undisturbed."""

import json
import shutil
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import neatfool, neatfool_process, write_experiment
from idx_files import write_idx

from neatfool import find_runs, open_run
from neatfool_plugins.mnist import lenet
from neatfool_plugins.mnist.lenet import load_digits
from neatfool_plugins.mnist.training import TrainingEpoch

MNIST = Path(__file__).parents[4] / "experiments" / "mnist.ini"
SHORT = ("experiment.generations=4", "scheme.batch=24")
BASE = ("--first-images", 40, "--more-images", 20)


def write_digits(folder):
    """Write the packaged digits as MNIST, to learn from and to be tested on."""
    images, labels = load_digits()
    folder.mkdir()
    return write_idx(folder, images[:, 0], labels)


def train_quickly(network, training, test, recipe):
    """Take the packaged weights; only how likely "fooling" is depends on the fooling images."""
    ready = lenet.load(lenet.PACKAGED).state_dict()
    state = network.state_dict()
    for name, value in ready.items():
        state[name][: len(value)] = value
    state["fc2.weight"][10] = 0
    state["fc2.bias"][10] = training.images[training.labels == 10].mean() / 20
    network.load_state_dict(state)
    yield TrainingEpoch(recipe.epochs, 0.1, 1.0)


@pytest.fixture(scope="module")
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neatfool_plugins.mnist.retrain.rounds.train", train_quickly)
        yield


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("digits") / "mnist")


def arguments(out, digits, *options):
    short = [word for each in SHORT for word in ("--set", each)]
    return ["retrain", MNIST, "--out", out, "--data", digits, *BASE, *short, *options]


def retrain(out, digits, *options):
    result = neatfool(*arguments(out, digits, "--json", *options), exit_code=0)
    return json.loads(result.stdout)


def found(told, out):
    """Give what the rounds brought, whatever folder they are in."""
    return json.loads(json.dumps(told["rounds"]).replace(str(out), "OUT"))


@pytest.fixture(scope="module")
def three(tmp_path_factory, digits, quick):
    out = tmp_path_factory.mktemp("three") / "out"
    return out, retrain(out, digits, "--rounds", 3)


@pytest.mark.slow
def test_each_network_learns_all_images_of_the_rounds_before(three):
    out, told = three
    assert [each["fooling_images"] for each in told["rounds"]] == [0, 40, 60]
    assert told["rounds"][0]["network"] is None
    for number in (2, 3):
        network = lenet.load(out / f"round-{number:02}" / "network.safetensors")
        assert network.fc2.out_features == 11


def test_each_round_fools_its_own_network_in_the_ten_digits(three):
    out, told = three
    for each in told["rounds"]:
        with closing(open_run(each["run"])) as run:
            assert run.searched == tuple(range(10))
            assert run.experiment["target"]["weights"] == each["network"]
            assert [*each["classes"].values()] == [elite.confidence for elite in run]
            assert each["median"] == pytest.approx(np.median([*each["classes"].values()]))
    assert len(find_runs(out)) == 3
    assert [each["seed"] for each in told["rounds"]] == [1, 2, 3]


def test_what_real_digits_are_taken_for_is_counted(three):
    _, told = three
    images, labels = load_digits()
    for each in told["rounds"]:
        network = lenet.load(Path(each["network"] or lenet.PACKAGED))
        with torch.inference_mode():
            said = network(lenet.normalise(torch.from_numpy(images))).argmax(1).numpy()
        assert each["accuracy"] == (said == labels).mean()
        assert each["false_alarms"] == (None if each["round"] == 1 else (said == 10).sum())


def cut_before_round_3(out):
    shutil.rmtree(out / "round-03")


def cut_in_training(out):
    cut_before_round_3(out)
    (out / "round-03").mkdir()
    (out / "round-03" / "network.safetensors.part").write_bytes(b"half")


def cut_at_a_runs_birth(out):
    shutil.rmtree(out / "round-03" / "run")
    (out / "round-03" / "run").mkdir()
    (out / "round-03" / "run" / "run.db.partial").write_bytes(b"")


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(cut_before_round_3, marks=pytest.mark.slow),
        cut_in_training,
        cut_at_a_runs_birth,
    ],
)
def test_the_same_command_goes_on_to_the_same_end(three, digits, tmp_path, cut):
    out, told = three
    copy = shutil.copytree(out, tmp_path / "out")
    cut(copy)
    assert found(retrain(copy, digits, "--rounds", 3), copy) == found(told, out)


def test_the_table_the_page_and_the_csv_say_what_was_found(three, digits, tmp_path, quick):
    out, told = three
    page, csv = tmp_path / "page.html", tmp_path / "found.csv"
    result = neatfool(
        *arguments(out, digits, "--rounds", 3, "--html", page, "--csv", csv), exit_code=0
    )
    headline, *_ = result.stdout.splitlines()
    assert headline.startswith("After 2 retrainings, new fooling images")
    html = page.read_text(encoding="utf-8")
    assert headline.replace(" %", "\u00a0%") in html
    assert html.count('<img class="pixels"') == 30
    assert "Content-Security-Policy" in html
    table = [line for line in result.stdout.splitlines() if line[:1] in "┏┃┡│├└"]
    assert [line.split()[1] for line in table if line[0] == "│"] == ["1", "2", "3"]
    heads, *rows = csv.read_text(encoding="utf-8").splitlines()
    assert heads == "round,seed,class,confidence"
    assert rows == [
        f"{each['round']},{each['seed']},{name},{confidence}"
        for each in told["rounds"]
        for name, confidence in each["classes"].items()
    ]
    assert len(rows) == 30


def test_another_option_in_the_same_folder_is_refused(three, digits):
    out, _ = three
    result = neatfool(*arguments(out, digits, "--rounds", 3, "--epochs", 9), exit_code=2)
    assert "was begun with another [retrain] epochs: 3, and not 9" in result.stderr


def test_a_folder_that_holds_something_else_is_refused(digits, tmp_path):
    (tmp_path / "precious.txt").touch()
    result = neatfool(*arguments(tmp_path, digits), exit_code=5)
    assert "holds something else" in result.stderr


def test_a_target_that_cannot_be_trained_is_refused(tmp_path):
    result = neatfool("retrain", write_experiment(tmp_path), "--out", tmp_path / "out", exit_code=2)
    assert "retrain can train networks of the target mnist only" in result.stderr
    assert not (tmp_path / "out").exists()


KILLED_AT = (
    "round-01/run/run.db",
    "round-01/run/images",
    "round-02",
    "round-02/run/run.db",
    "round-03/run/run.db",
)
"""A process is killed as soon as one is there: within and between runs, and in training."""


@pytest.mark.slow
def test_killed_processes_and_an_undisturbed_one_bring_the_same(digits, tmp_path):
    options = ("--rounds", 3, "--epochs", 20)
    options += ("--json", "--set", "experiment.generations=40", "--set", "scheme.immigrants=0")
    whole = neatfool_process(*arguments(tmp_path / "whole", digits, *options))
    told, log = whole.communicate()
    assert whole.returncode == 0, log
    parts = tmp_path / "parts"
    for place in KILLED_AT:
        process = neatfool_process(*arguments(parts, digits, *options))
        while process.poll() is None and not (parts / place).exists():
            time.sleep(0.002)
        process.kill()
        _, log = process.communicate()
        assert process.returncode == -9, log
    process = neatfool_process(*arguments(parts, digits, *options))
    output, log = process.communicate()
    assert process.returncode == 0, log
    assert found(json.loads(output), parts) == found(json.loads(told), tmp_path / "whole")
    networks = [
        folder / "round-03" / "network.safetensors" for folder in (tmp_path / "whole", parts)
    ]
    assert networks[0].read_bytes() == networks[1].read_bytes()
