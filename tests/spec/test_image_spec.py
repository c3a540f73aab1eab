"""What a spec of images cannot be."""

import pytest

from neatfool import ImageSpec


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"width": 0}, "an image of 4x0 pixels: both must be >= 1"),
        ({"channels": 2}, r"channels = 2: must be 1 \(grey\) or 3 \(RGB\)"),
        ({"classes": "dark"}, "classes = 'dark': must be a tuple of names"),
        ({"classes": ("dark",)}, "1 classes: there must be at least 2"),
        ({"classes": ("dark", "\ud800")}, r"class '\\ud800': holds half a character"),
        ({"array": "jax"}, "array = 'jax': must be 'numpy' or 'torch'"),
    ],
)
def test_a_wrong_spec_is_refused_with_the_reason(wrong, message):
    good = {"height": 4, "width": 4, "channels": 1, "classes": ("dark", "bright")}
    with pytest.raises(ValueError, match=message):
        ImageSpec(**good | wrong)
