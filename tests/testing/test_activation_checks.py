"""Each check of an activation finds the fault that it is there for."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from commands import neatfool

from neatfool import cppn, open_run
from neatfool.plugin.files import import_file
from neatfool.testing import activation_checks, check_activation, check_plugin
from neatfool.testing.checking import run_check

pytestmark = pytest.mark.usefixtures("own_activations")


def ripple(xp, z):
    return xp.sin(z) * xp.exp(-z * z)


def test_a_good_activation_passes():
    check_activation(ripple)


def test_neatfools_own_keep_the_contract():
    check_plugin("activation", lambda: cppn.ACTIVATIONS["tanh"])


def test_a_wrong_mean_is_found():
    with pytest.raises(AssertionError, match=r"the mean of arguments that deviate by .* is wrong"):
        check_activation(ripple, mean=lambda xp, s, v: xp.sin(s))


def test_a_formula_that_cannot_be_recorded_is_the_only_result():
    with pytest.raises(AssertionError, match=r"^can be made: activation .* xp has no 'log'"):
        check_activation(lambda xp, z: xp.log(z))


def spoilt(**recorded):
    """Give an activation of which a recorded expression is another's."""
    made = replace(cppn.ACTIVATIONS["tanh"])
    vars(made).update(recorded)
    return made


OTHER = cppn.ACTIVATIONS["gauss"]


@pytest.mark.parametrize(
    ("check", "recorded", "fault"),
    [
        ("slopes_and_gradients_are_derivatives", {"backwards": OTHER.backwards}, "gradients: val"),
        ("band_limit_gives_the_mean", {"within_reach": OTHER.within_reach}, "the mean of argumen"),
    ],
)
def test_what_disagrees_is_found(check, recorded, fault):
    subject = activation_checks.ActivationSubject(lambda: spoilt(**recorded))
    result = run_check(getattr(activation_checks, f"check_{check}"), {"": subject})
    assert not result.passed
    assert fault in result.message


def test_code_that_computes_something_else_is_found(monkeypatch):
    kernel = pytest.importorskip("neatfool.cppn.draw.kernel")
    compiled = kernel.compile_activation
    monkeypatch.setattr(kernel, "compile_activation", lambda _: compiled(OTHER))
    with pytest.raises(
        AssertionError, match=r"^compiled code agrees: compiled code: values at z ="
    ):
        check_activation(ripple)


def test_a_mean_with_a_number_that_shaders_lack_is_found():
    with pytest.raises(AssertionError, match="has no place in single precision"):
        check_activation(ripple, mean=lambda xp, s, v: xp.minimum(s, 1e300 + v))


PAGE = Path(__file__).parents[2] / "docs" / "reference" / "search-plugins.md"


def test_the_documented_activation_runs(tmp_path):
    section = PAGE.read_text(encoding="utf-8").split("\n## Activations\n")[1].split("\n## ")[0]
    code, test = re.findall(r"```python\n(.*?)```", section, re.S)
    (tmp_path / "ripple.py").write_text(code)
    (named,) = re.findall(r"```ini\n(.*?)```", section, re.S)
    file = tmp_path / "ripple.ini"
    file.write_text("[experiment]\nimages = 100\n[target]\nplugin = mnist\n" + named)
    neatfool("run", file, "--out", tmp_path / "run", "--no-report", exit_code=0)
    assert "ripple" in open_run(tmp_path / "run").experiment["activations"]
    (tmp_path / "test_ripple.py").write_text(test)
    import_file(tmp_path / "test_ripple.py").test_ripple_is_drawn_alike_everywhere()
    sys.modules.pop("ripple")
