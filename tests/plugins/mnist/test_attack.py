from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from neatfool.ood import Digits
from neatfool_plugins.mnist import lenet
from neatfool_plugins.mnist.lenet import load_digits
from neatfool_plugins.mnist.training import (
    Attack,
    Recipe,
    choose_attacked,
    margin,
    measure_accuracy,
    measure_robust_accuracy,
    new_lenet,
    perturb,
    train,
)

IMAGES, LABELS = load_digits()


def some(first, apart):
    return Digits(IMAGES[first::apart, 0], LABELS[first::apart].astype(np.uint8))


@pytest.fixture(scope="module")
def network():
    return lenet.load(lenet.PACKAGED)


def attacked(network, attack, seed=0):
    images, labels = torch.from_numpy(IMAGES[::10]), torch.from_numpy(LABELS[::10])
    generator = torch.Generator().manual_seed(seed)
    changed: torch.Tensor = perturb(network, images, labels, attack, generator)
    return changed


@pytest.mark.parametrize("epsilon", [0.02, 0.3])
def test_an_attack_stays_in_the_ball_and_in_the_range_of_pixels(network, epsilon):
    changed = attacked(network, Attack(epsilon, steps=3))
    assert (changed - torch.from_numpy(IMAGES[::10])).abs().max() <= 255 * epsilon + 1e-3
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_more_steps_of_an_attack_raise_the_loss_and_leave_the_weights(network):
    def loss(images: torch.Tensor) -> float:
        with torch.inference_mode():
            labels = torch.from_numpy(LABELS[::10])
            return F.cross_entropy(network(lenet.normalise(images)), labels).item()

    plain = loss(torch.from_numpy(IMAGES[::10]))
    one, many = (loss(attacked(network, Attack(0.1, steps))) for steps in (1, 10))
    assert plain < one < many
    assert all(weights.grad is None for weights in network.parameters())


def test_the_margin_is_how_far_the_best_wrong_logit_is_above_the_right_one():
    logits = torch.tensor([[5.0, 1.0, 2.0], [0.0, 4.0, 1.0]])
    assert margin(logits, torch.tensor([0, 2])).item() == (2 - 5) + (4 - 1)


def test_robust_accuracy_is_at_most_the_accuracy_and_falls_with_epsilon(network):
    digits, noted = some(0, 10), []
    robust = [
        measure_robust_accuracy(
            network, digits, Attack(epsilon, 5), lambda _, more: noted.append(more)
        )
        for epsilon in (1e-6, 0.1, 0.4)
    ]
    assert measure_accuracy(network, digits) == robust[0] > robust[1] > robust[2]
    assert sum(noted) == 3 * len(digits.labels)


def test_a_thousand_digits_all_over_the_test_set_are_attacked():
    images, labels = np.zeros((2345, 28, 28), np.uint8), np.arange(2345)
    chosen = choose_attacked(Digits(images, labels)).labels
    assert len(chosen) == 1000
    assert chosen[:3].tolist() == [0, 2, 4]
    assert len(choose_attacked(some(0, 2)).labels) == 150


@pytest.mark.slow
def test_a_network_trained_under_attack_is_more_robust_than_one_that_was_not():
    plain = Recipe(epochs=8, batch=15, learning_rate=0.02)
    robust = []
    for recipe in (plain, replace(plain, attack=Attack(0.1, steps=3))):
        network = new_lenet(recipe.seed)
        for _ in train(network, some(0, 2), some(1, 2), recipe):
            pass
        robust.append(measure_robust_accuracy(network, some(1, 2), Attack(0.1, steps=10)))
    assert robust[1] > robust[0] + 0.05
