"""Which arguments a factory gets."""

from __future__ import annotations

from functools import partial

import pytest

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


def wanted(factory, **offered):
    return set(
        Registration("toy", "scheme", factory, NoOptions, "here").accepted_arguments(**offered)
    )


def test_a_class_passes_on_only_what_its_base_class_takes():
    class Plain:
        def __init__(self, options, *, seed):
            pass

    class Mine(Plain):
        def __init__(self, options, **named):
            super().__init__(options, **named)

    assert wanted(Mine, target=1, hook=2, seed=3) == {"seed"}
    assert wanted(lambda options, **named: None, target=1, hook=2, name=3) == {"target"}
    assert wanted(dict, target=1) == set()
