"""Objects that have what a contract asks for, without inheriting from its class."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from neatfool import (
    Differentiable,
    Encoding,
    MeteredTarget,
    Parametric,
    PluginError,
    Target,
    View,
)
from neatfool.plugin.registration import adapt, adapt_if_whole
from neatfool.testing import TOY_SPEC, ToyEncoding, ToyTarget


class Duck:
    def __init__(self):
        self.spec = TOY_SPEC
        self.batch_size = 3

    def score(self, images):
        return len(images)


class Swan(Duck):
    def logits_of(self, images):
        return images.flatten(1)


class Blocks:
    parents = 1
    create = breed = render = render_at = dumps = loads = distance = size = None

    def in_generation(self, generation):
        later = Blocks()
        later.parents = 1 + generation
        return later


class Dark:
    unit, harmless, strengths, signed, what = "%", 0.0, (10.0, 50.0), False, "darker"

    def change(self, images, amounts, seeds):
        return images


def test_an_instance_stays_as_it_is():
    target = ToyTarget()
    assert adapt(target, Target) is target


def test_what_is_left_out_has_its_default():
    target = adapt(Duck(), Target)
    assert isinstance(target, Target)
    assert (target.score([1, 2]), target.fingerprint(), target.networks) == (2, "", ())
    assert target.close() is None


def test_what_is_there_stays_the_objects_own():
    duck = Duck()
    target = adapt(duck, Target)
    duck.batch_size = 5
    assert target.batch_size == 5
    assert type(target).__qualname__ == "Duck"
    assert type(target).__module__ == __name__


def test_an_adapted_object_can_do_what_it_could():
    assert isinstance(adapt(Swan(), Target), Differentiable)
    assert not isinstance(adapt(Duck(), Target), Differentiable)
    assert not isinstance(adapt(Swan(), Target), MeteredTarget)
    assert isinstance(adapt(ToyEncoding(), Encoding), Parametric)


def test_an_encoding_of_a_generation_is_adapted_too():
    encoding = adapt(Blocks(), Encoding)
    assert encoding.in_focus(0.5) is encoding
    assert encoding.in_generation(1).litter_sizes([5, 6]) == [2, 2]


def test_a_class_in_place_of_its_object_is_told():
    with pytest.raises(PluginError, match=r"Duck is a class; give an object: Duck\(\)"):
        adapt(Duck, Target)
    assert isinstance(adapt(Duck(), Target), Target)


def test_an_encoding_at_another_band_limit_is_adapted_too():
    class Sharper(Blocks):
        def in_focus(self, factor):
            return Blocks()

    assert adapt(Sharper(), Encoding).in_focus(0.5).litter_sizes([5]) == [1]


def test_a_view_goes_as_far_as_its_last_strength():
    assert adapt(Dark(), View).limit == 50


def test_a_default_shows_the_middle_of_a_photograph():
    from PIL import Image

    photograph = Image.fromarray(np.repeat(np.arange(8, dtype=np.uint8)[None] * 30, 4, 0))
    fitted = torch.as_tensor(adapt(Duck(), Target).fit_photograph(photograph))
    assert fitted.shape == TOY_SPEC.shape
    assert fitted.min() > 30
    assert fitted.max() < 180


def test_an_object_that_lacks_a_member_is_told():
    with pytest.raises(PluginError, match=r"target: dict lacks score, spec; .* neatfool.Target"):
        adapt({}, Target)
    with pytest.raises(PluginError, match="view 'dark': Duck lacks change, strengths"):
        adapt(Duck(), View, "view 'dark'")


def test_a_frozen_object_is_adapted():
    @dataclass(frozen=True)
    class Frozen(Dark):
        strengths: tuple[float, ...] = (1.0, 7.0)

    assert adapt(Frozen(), View).limit == 7


def test_a_module_of_torch_is_adapted():
    class Linear(torch.nn.Module):
        spec = TOY_SPEC

        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(2, 2)

        def score(self, images):
            return self.inner(images)

    given = Linear()
    adapter = adapt(given, Target)
    assert isinstance(adapter, Target)
    assert adapter.inner is given.inner
    assert adapter.score(torch.zeros(1, 2)).shape == (1, 2)


def test_an_object_stays_alive_with_its_adapter():
    closed = []

    class Closing(Duck):
        def __del__(self):
            closed.append(self)

    target = adapt(Closing(), Target)
    assert closed == []
    assert target.score([1]) == 1


def test_an_object_with_slots_is_adapted():
    class Slotted:
        __slots__ = ("spec",)

        def __init__(self):
            self.spec = TOY_SPEC

        def score(self, images):
            return len(images)

    assert adapt(Slotted(), Target).score([1, 2]) == 2


def test_an_instance_that_lacks_an_attribute_is_told():
    class Specless(Target):
        def score(self, images):
            raise NotImplementedError

    with pytest.raises(PluginError, match="Specless lacks spec"):
        adapt(Specless(), Target)


def test_what_is_no_target_is_left_alone():
    assert adapt_if_whole(len, Target) is len
    assert isinstance(adapt_if_whole(Duck(), Target), Target)
