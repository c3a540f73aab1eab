"""Views are made by name, and checked."""

import pytest

import neatfool
from neatfool.errors import PluginError
from neatfool.plugin.manager import PluginManager

VIEWS = """
from neatfool import View, hookimpl

class Darker(View):
    unit, harmless, strengths, signed, what = "%", 0.0, (10.0, 50.0), False, "darker"

    def __init__(self, options):
        pass

    def change(self, images, amounts, seeds):
        return images * (1 - amounts[:, None, None, None] / 100)

@hookimpl
def neatfool_register_views(register):
    register("darker", Darker)
    register("blank", dict)
"""


def test_one_module_may_offer_several_views(distribute):
    distribute("world", {"view.darker": "world_m", "view.blank": "world_m"}, {"world_m": VIEWS})
    view = neatfool.views(["darker"])["darker"]
    assert isinstance(view, neatfool.View)
    assert (view.unit, view.what) == ("%", "darker")
    assert {"darker", "blank"} <= set(PluginManager().names("view"))


def test_an_object_that_is_no_view_is_told(distribute):
    distribute("world", {"view.blank": "world_m"}, {"world_m": VIEWS})
    fault = r"view 'blank' \(world 1.2, world_m\): dict is no neatfool.View"
    with pytest.raises(PluginError, match=fault):
        neatfool.views(["blank"])
