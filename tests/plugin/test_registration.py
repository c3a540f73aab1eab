"""Which arguments a factory gets."""

from functools import partial

import pytest

from neatfool import PluginError, Target
from neatfool.cli.named_plugins import make_plugin
from neatfool.plugin.registration import NoOptions, Registration
from neatfool.testing import examine_plugin
from neatfool_plugins.map_elites import MapElites, Options


class Mine(MapElites):
    def __init__(self, options, **named):
        super().__init__(options, **named)


class Forgetful(MapElites):
    def __init__(self, options, encoding, spec, seed):
        super().__init__(options, encoding=encoding, spec=spec, seed=seed)


def check_learning(factory):
    registered = Registration("mine", "scheme", factory, Options, "here")
    options = Options(batch=6, learn=0.5, learn_after=0)
    results = examine_plugin("scheme", partial(make_plugin, registered, options))
    return [each.message for each in results if not each.passed]


def make_mine(options, **named):
    return Mine(options, **named)


@pytest.mark.parametrize("factory", [Mine, make_mine])
def test_a_scheme_that_passes_all_on_can_learn(factory):
    assert check_learning(factory) == []


def test_a_scheme_that_leaves_the_target_out_is_told_to_pass_it_on():
    (message,) = check_learning(Forgetful)
    assert "made without the target" in message
    assert "parameter `target`" in message


def test_a_target_is_passed_on_by_a_factory_that_takes_all_names():
    def accepted(factory, **offered):
        made = Registration("toy", "scheme", factory, NoOptions, "here")
        return set(made.accepted_arguments(**offered))

    assert accepted(lambda options, **named: None, target=1, hook=2, name=3) == {"target"}
    assert accepted(lambda options, seed: None, target=1, hook=2, seed=3) == {"seed"}


class WithoutSpec(Target):
    def score(self, images):
        return len(images)


class WithText(WithoutSpec):
    spec = "28x28"


@pytest.mark.parametrize(
    ("factory", "fault"),
    [
        (dict, "target 'toy' (here): dict is no neatfool.Target"),
        (WithoutSpec, "WithoutSpec lacks spec; give it what neatfool.Target asks for"),
        (WithText, "WithText has a str as spec; give a neatfool.ImageSpec"),
    ],
)
def test_what_a_factory_makes_inherits_from_its_contract_and_is_whole(factory, fault):
    with pytest.raises(PluginError) as raised:
        Registration("toy", "target", factory, NoOptions, "here").make()
    assert fault in str(raised.value)
