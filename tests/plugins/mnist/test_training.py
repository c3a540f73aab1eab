import json
from dataclasses import replace

import click
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from idx_files import write_idx
from safetensors import safe_open

from neatfool import ExperimentError, StorageError, TargetError
from neatfool.ood import Digits
from neatfool_plugins import mnist
from neatfool_plugins.mnist import lenet, training
from neatfool_plugins.mnist.lenet import MnistTarget, load_digits
from neatfool_plugins.mnist.options import Options
from neatfool_plugins.mnist.training import Recipe, measure_accuracy, new_lenet, train

QUICK = Recipe(epochs=4, batch=16, learning_rate=0.02)


def few():
    images, labels = load_digits()
    return Digits(images[::2, 0], labels[::2].astype(np.uint8))


@pytest.fixture
def folder(tmp_path):
    digits = few()
    return write_idx(tmp_path, digits.images, digits.labels)


def trained(recipe):
    network = new_lenet(recipe.seed)
    return network, list(train(network, few(), few(), recipe))


def equal(one, other):
    mine, theirs = one.state_dict(), other.state_dict()
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


def command(*arguments):
    cli = click.Group()
    mnist.neatfool_add_commands(cli)
    return CliRunner().invoke(cli, ["mnist", "train", *map(str, arguments)])


def quick_command(folder, *arguments):
    return command("--data", folder, "--epochs", 1, "--out", folder / "w.safetensors", *arguments)


def test_training_lowers_the_loss_and_raises_the_accuracy():
    before = measure_accuracy(new_lenet(QUICK.seed), few())
    network, epochs = trained(QUICK)
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4]
    assert epochs[-1].loss < epochs[0].loss / 3
    assert epochs[-1].accuracy == measure_accuracy(network, few()) > before + 0.5


def test_equal_seeds_train_equal_networks_and_others_do_not():
    torch.manual_seed(1)
    first, steps = trained(replace(QUICK, epochs=1))
    torch.manual_seed(2)
    again, same = trained(replace(QUICK, epochs=1))
    other, _ = trained(replace(QUICK, epochs=1, seed=1))
    assert steps == same
    assert equal(first, again)
    assert not equal(first, other)


def test_a_diverging_training_says_so():
    with pytest.raises(ExperimentError, match=r"the loss became .* in epoch 1"):
        trained(replace(QUICK, learning_rate=1e6))


def test_what_is_saved_is_loaded_and_says_how_it_was_made(tmp_path):
    network = lenet.LeNet(11)
    lenet.save_weights(network, tmp_path / "a", {"seed": 5, "epochs": 0})
    loaded = lenet.load(tmp_path / "a")
    assert equal(network, loaded)
    with safe_open(tmp_path / "a", framework="pt") as file:
        assert json.loads(file.metadata()["training"]) == {"seed": 5, "epochs": 0}
    lenet.save_weights(network, tmp_path / "b", {"epochs": 0, "seed": 5})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_command_writes_weights_that_the_target_takes(folder):
    out = folder / "w.safetensors"
    result = command("--data", folder, "--epochs", 25, "--seed", 9, "--out", out)
    assert result.exit_code == 0, result.output
    assert "epoch 25/25: loss " in result.output
    assert "of 150 test digits" in result.output
    with safe_open(out, framework="pt") as file:
        about = json.loads(file.metadata()["training"])
    assert (about["seed"], about["epochs"], about["training_images"]) == (9, 25, 150)
    assert about["data_sha256"] == training.read(folder).sha256()
    scores = MnistTarget(Options(weights=out)).score(torch.from_numpy(few().images[:, None]))
    assert (scores.probs.argmax(1) == few().labels).mean() == pytest.approx(about["accuracy"])
    assert about["accuracy"] > 0.5


def test_the_command_replaces_a_file_only_by_force(folder):
    out = folder / "w.safetensors"
    out.write_bytes(b"precious")
    refused = quick_command(folder)
    assert isinstance(refused.exception, ExperimentError)
    assert "--force" in str(refused.exception)
    assert out.read_bytes() == b"precious"
    assert quick_command(folder, "--force").exit_code == 0
    with pytest.raises(TargetError, match="recognised"):
        MnistTarget(Options(weights=out)).self_check()


def test_the_command_refuses_a_folder_that_is_not_there_before_it_trains(folder):
    result = quick_command(folder, "--out", folder / "none" / "w.safetensors")
    assert isinstance(result.exception, StorageError)
    assert "its folder does not exist" in str(result.exception)
    assert command("--data", folder / "none").exit_code == 2


def test_without_a_network_the_download_says_what_to_do(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")

    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path)
    monkeypatch.setattr("torchvision.datasets.MNIST", offline)
    with pytest.raises(TargetError, match=r"cannot be downloaded to .*Error down.*--data"):
        training.read(None)


def test_what_was_downloaded_before_is_not_fetched_again(folder, tmp_path, monkeypatch):
    raw = tmp_path / "cache" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in folder.glob("*ubyte"):
        path.rename(raw / path.name)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path / "cache")
    monkeypatch.setattr("torchvision.datasets.MNIST", None)
    np.testing.assert_array_equal(training.read(None).test.images, few().images)


def test_training_under_attack_says_how_robust_the_network_is(folder, monkeypatch):
    monkeypatch.setattr(training, "TEST_IMAGES", 10)
    result = quick_command(folder, "--adversarial", "--epsilon", 0.1, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    with safe_open(folder / "w.safetensors", framework="pt") as file:
        about = json.loads(file.metadata()["training"])
    assert about.items() <= told.items()
    assert about["attack"] == {"epsilon": 0.1, "steps": 7}
    assert about["test_attack"] == {"epsilon": 0.1, "steps": 40, "starts": 2}
    assert 0 <= about["robust_accuracy"] <= 1
    assert about["attacked_images"] == 10


@pytest.mark.parametrize("epsilon", ["nan", "0", "1.1", "-1"])
def test_the_command_refuses_an_epsilon_outside_the_range(folder, epsilon):
    result = quick_command(folder, "--adversarial", "--epsilon", epsilon)
    assert result.exit_code == 2
    assert "Invalid value for '--epsilon'" in result.output
