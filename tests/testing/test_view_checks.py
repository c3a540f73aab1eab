"""Each check of a view finds the fault that it is there for."""

import numpy as np
import pytest
import torch
from toy_views import Darker, Rolled

from neatfool.testing import check_plugin, examine_plugin


class Together(Darker):
    @staticmethod
    def together(images, views, amounts, seeds):
        return images * (1 - amounts / 100).prod(1)[:, None, None, None]


@pytest.mark.parametrize("view", [Darker, Rolled, Together])
def test_a_good_view_passes(view):
    check_plugin("view", view)


def spoilt(change, base=Darker, **members):
    return type("Spoilt", (base,), {"change": change, **members} if change else members)


def right(self, images, amounts, seeds):
    return Darker.change(self, images, amounts, seeds)


class Counting(Darker):
    calls = 0

    def change(self, images, amounts, seeds):
        self.calls += 1
        return super().change(images, amounts * (1 - self.calls % 2 / 10), seeds)


def write_to_images(self, images, amounts, seeds):
    changed = right(self, images, amounts, seeds)
    images.data.mul_(0.5)
    return changed


def write_to_amounts(self, images, amounts, seeds):
    changed = right(self, images, amounts, seeds)
    amounts += 1
    return changed


def by_global_chance(self, images, amounts, seeds):
    return images + torch.rand(images.shape) * (255 - images) * amounts[:, None, None, None] / 100


def by_the_batch(self, images, amounts, seeds):
    changed = images - amounts[:, None, None, None] / 100 * images.mean()
    return changed.clamp(0, 255)


def without_gradients(self, images, amounts, seeds):
    return torch.from_numpy(right(self, images.detach(), amounts, seeds).numpy())


FAULTS = {
    "same images give the same bits": [
        (Counting, r"change\(\) at 20 %: the same images, given twice, differ by up to"),
        (spoilt(by_global_chance), "generator of torch was used|differ by up to"),
    ],
    "levels stay from 0 to 255": [
        (spoilt(lambda *given: right(*given).byte()), r"gave torch.uint8 .*give torch.float32"),
        (spoilt(lambda *given: right(*given)[:1]), r"gave torch.float32 .*\[1, "),
        (spoilt(lambda *given: None), "NoneType"),
        (spoilt(lambda *given: right(*given) - 9), r"levels from -6\.6 to"),
        (spoilt(lambda *given: right(*given) * np.nan), "levels from nan to nan"),
    ],
    "each strength changes an image": [
        (spoilt(lambda *given: 255 - right(*given)), "which is harmless, changed a pixel by 255"),
        (spoilt(lambda self, images, *_: images), "does it use its amounts"),
        (spoilt(None, Rolled, strengths=(0.3, 1.0)), r"at 0.3 pixels left all images"),
    ],
    "neighbours do not matter": [(spoilt(by_the_batch), "alone and among others")],
    "nothing given is written to": [
        (spoilt(write_to_images), "changed its images"),
        (spoilt(write_to_amounts), "changed its amounts"),
    ],
    "gradients pass": [(spoilt(without_gradients), "gave no gradients")],
    "strengths go from mild to the limit": [
        (spoilt(None, strengths=(80.0, 20.0)), "each further from harmless"),
        (spoilt(None, strengths=()), "lacks|give some"),
        (spoilt(None, limit=50.0), "the limit, 50, is milder"),
        (spoilt(None, what=""), "what is ''"),
    ],
}


@pytest.mark.parametrize(
    ("check", "view", "words"),
    [(check, *case) for check, cases in FAULTS.items() for case in cases],
)
def test_a_fault_is_found_by_the_check_for_it(check, view, words):
    failed = {each.name: each.message for each in examine_plugin("view", view) if not each.passed}
    assert check in failed
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(failed[check])


def test_a_view_that_is_faulty_only_with_others_is_found():
    class Faulty(Together):
        @staticmethod
        def together(images, views, amounts, seeds):
            return Together.together(images, views, amounts, seeds) + torch.rand(1)

    with pytest.raises(AssertionError, match=r"together\(\) at 20 %"):
        check_plugin("view", Faulty)
