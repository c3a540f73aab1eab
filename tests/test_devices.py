import pytest
import torch

from neatfool import ExperimentError, pick_device


def test_auto_is_the_gpu_if_there_is_one():
    assert pick_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_a_device_is_taken_by_its_name():
    assert pick_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "abacus"])
def test_a_device_that_is_not_there_is_an_error(name):
    with pytest.raises(ExperimentError, match=f"device = {name}"):
        pick_device(name)
