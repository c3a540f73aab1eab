"""What only a GPU shows: its repeatable bits and its memory."""

import pytest
import torch

from neatfool import Network
from neatfool.network.devices import is_out_of_memory
from tests.support.small_networks import Small, noise

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU"),
]


def network():
    return Network(Small().eval(), mean=127.5, std=64.0, device="cuda:0")


def test_scores_are_the_same_bits_each_time():
    images = noise(64, 64)
    first, second = (network().score(images).logits for _ in range(2))
    assert (first == second).all()


def test_memory_that_runs_out_is_recognised():
    with pytest.raises(torch.OutOfMemoryError) as caught:
        torch.empty(1 << 50, dtype=torch.uint8, device="cuda:0")
    assert is_out_of_memory(caught.value)


def test_a_network_gives_its_graphs_memory_back():
    there = network()
    there.score(noise(64, 224))
    before = torch.cuda.memory_reserved()
    there.forget()
    assert torch.cuda.memory_reserved() <= before
