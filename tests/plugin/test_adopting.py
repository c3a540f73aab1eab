"""Objects that have what a contract asks for, without inheriting from its class."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from neatfool import (
    Differentiable,
    Encoding,
    Metered,
    Parametric,
    PluginError,
    Target,
    View,
)
from neatfool.plugin.registration import adopt, adopt_if_whole
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
    assert adopt(target, Target) is target


def test_what_is_left_out_has_its_default():
    target = adopt(Duck(), Target)
    assert isinstance(target, Target)
    assert (target.score([1, 2]), target.fingerprint(), target.networks) == (2, "", ())
    assert target.close() is None


def test_what_is_there_stays_the_objects_own():
    duck = Duck()
    target = adopt(duck, Target)
    duck.batch_size = 5
    assert target.batch_size == 5
    assert type(target).__qualname__ == "Duck"
    assert type(target).__module__ == __name__


def test_an_adopted_object_can_do_what_it_could():
    assert isinstance(adopt(Swan(), Target), Differentiable)
    assert not isinstance(adopt(Duck(), Target), Differentiable)
    assert not isinstance(adopt(Swan(), Target), Metered)
    assert isinstance(adopt(ToyEncoding(), Encoding), Parametric)


def test_an_encoding_of_a_generation_is_adopted_too():
    encoding = adopt(Blocks(), Encoding)
    assert encoding.in_focus(0.5) is encoding
    assert encoding.in_generation(1).litter_sizes([5, 6]) == [2, 2]


def test_a_class_in_place_of_its_object_is_told():
    with pytest.raises(PluginError, match=r"Duck is a class; give an object: Duck\(\)"):
        adopt(Duck, Target)
    assert isinstance(adopt(Duck(), Target), Target)


def test_an_encoding_at_another_band_limit_is_adopted_too():
    class Sharper(Blocks):
        def in_focus(self, factor):
            return Blocks()

    assert adopt(Sharper(), Encoding).in_focus(0.5).litter_sizes([5]) == [1]


def test_a_view_goes_as_far_as_its_last_strength():
    assert adopt(Dark(), View).limit == 50


def test_a_default_shows_the_middle_of_a_photograph():
    from PIL import Image

    photograph = Image.fromarray(np.repeat(np.arange(8, dtype=np.uint8)[None] * 30, 4, 0))
    fitted = torch.as_tensor(adopt(Duck(), Target).fit_photograph(photograph))
    assert fitted.shape == TOY_SPEC.shape
    assert fitted.min() > 30
    assert fitted.max() < 180


def test_an_object_that_lacks_a_member_is_told():
    with pytest.raises(PluginError, match=r"target: dict lacks score, spec; .* neatfool.Target"):
        adopt({}, Target)
    with pytest.raises(PluginError, match="view 'dark': Duck lacks change, strengths"):
        adopt(Duck(), View, "view 'dark'")


def test_a_twin_is_of_the_objects_own_class_too():
    duck = Duck()
    target = adopt(duck, Target)
    assert isinstance(target, Duck)
    target.batch_size = 8
    assert duck.batch_size == 8


def test_a_frozen_object_can_have_a_twin():
    @dataclass(frozen=True)
    class Frozen(Dark):
        strengths: tuple[float, ...] = (1.0, 7.0)

    assert adopt(Frozen(), View).limit == 7


def test_a_module_of_torch_can_have_a_twin():
    class Linear(torch.nn.Module):
        spec = TOY_SPEC

        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(2, 2)

        def score(self, images):
            return self.inner(images)

    given = Linear()
    twin = adopt(given, Target)
    assert isinstance(twin, Target)
    assert twin.inner is given.inner
    assert twin.score(torch.zeros(1, 2)).shape == (1, 2)


def test_an_object_stays_alive_with_its_twin():
    closed = []

    class Closing(Duck):
        def __del__(self):
            closed.append(self)

    target = adopt(Closing(), Target)
    assert closed == []
    assert target.score([1]) == 1


def test_an_object_without_attributes_of_its_own_is_told_to_inherit():
    class Slotted:
        __slots__ = ("spec",)

        def __init__(self):
            self.spec = TOY_SPEC

        def score(self, images):
            raise NotImplementedError

    with pytest.raises(PluginError, match=r"Slotted: let it inherit from neatfool.Target"):
        adopt(Slotted(), Target)


def test_an_instance_that_lacks_an_attribute_is_told():
    class Specless(Target):
        def score(self, images):
            raise NotImplementedError

    with pytest.raises(PluginError, match="Specless lacks spec"):
        adopt(Specless(), Target)


def test_what_is_no_target_is_left_alone():
    assert adopt_if_whole(len, Target) is len
    assert isinstance(adopt_if_whole(Duck(), Target), Target)
