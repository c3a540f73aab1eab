import re
import subprocess
import sys

import pytest

from neatfool import ImageSpec
from neatfool.testing import ToyEncoding, ToyTarget, examine_plugin
from neatfool.testing.checking import run_check


def test_what_a_plugin_may_leave_out_is_not_called_passed():
    results = examine_plugin("target", ToyTarget)
    absent = {result.name: result.message for result in results if not result.applies}
    assert absent == {
        "fingerprint is stable": "it has no fingerprint",
        "photographs get the right shape": "it has no fit_photograph",
        "requests are entered": "it is not metered",
        "self check passes": "it has no self_check",
    }
    assert all(result.passed for result in results)


@pytest.mark.parametrize("kind", ["target", "encoding", "scheme"])
def test_a_factory_that_raises_is_the_only_result(kind):
    def make(*_):
        raise FileNotFoundError("weights.safetensors")

    (result,) = examine_plugin(kind, make)
    assert result.name == "can be made"
    assert re.search(
        r"FileNotFoundError: weights.safetensors \(.*test_check.py, line \d+\)", result.message
    )


def test_an_encoding_is_tried_in_grey_and_in_colour():
    class GreyOnly(ToyEncoding):
        def render(self, genomes):
            return super().render(genomes)[:, :1]

    failed = [result for result in examine_plugin("encoding", GreyOnly) if not result.passed]
    assert any(result.message.startswith("11x7 colour: ") for result in failed)
    grey = [ImageSpec(8, 8, 1, ("a", "b"))]
    assert all(result.passed for result in examine_plugin("encoding", GreyOnly, grey))


def test_the_target_is_closed_even_if_it_fails():
    closed = []

    class Closing(ToyTarget):
        def score(self, images):
            raise RuntimeError("no")

        def close(self):
            closed.append(self)

    examine_plugin("target", Closing)
    assert len(closed) == 1


def test_a_bare_assertion_of_a_plugin_says_where():
    def check(subject):
        assert subject is None

    text = run_check(check, {"": 3}).message
    assert re.search(r"test_check.py, line \d+", text)


def test_python_that_leaves_assertions_out_is_refused():
    code = "from neatfool.testing import *; check_plugin('target', ToyTarget)"
    command = [sys.executable, "-O", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "check without -O" in done.stderr


def test_pytest_is_not_needed():
    code = (
        "import sys; sys.modules['pytest'] = None; import neatfool.testing; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
