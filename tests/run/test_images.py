import contextlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from neatfool.run.images import decode_png, encode_png, image_name
from neatfool.wording import slug

pixels = st.tuples(st.sampled_from([1, 3]), st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: arrays(np.uint8, shape)
)


@given(pixels)
def test_a_png_holds_the_very_pixels(image):
    assert np.array_equal(decode_png(encode_png(image)), image)


@given(st.text(max_size=200))
def test_a_file_name_is_safe_whatever_the_class_is_called(name):
    assert set(slug(name)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(image_name(3, name, 10)) < 60


@pytest.mark.parametrize(
    ("index", "name", "count", "file"),
    [
        (7, "school bus", 1000, "007-school-bus.png"),
        (3, "3", 10, "3.png"),
        (0, "../../etc/passwd", 2, "0-etc-passwd.png"),
        (1, "数字", 2, "1.png"),
    ],
)
def test_file_names_say_the_class(index, name, count, file):
    assert image_name(index, name, count) == file


def written(mode, kind="PNG", size=(4, 4)):
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "I;16"])
def test_a_png_of_another_kind_is_refused(mode):
    with pytest.raises(ValueError, match="8 bits a channel"):
        decode_png(written(mode))


@given(st.integers(0, 60), st.integers(1, 255))
def test_a_damaged_png_is_refused_or_decoded_but_never_anything_else(place, bits):
    png = bytearray(written("L"))
    png[place] ^= bits
    with contextlib.suppress(ValueError):
        decode_png(bytes(png))


def test_another_format_or_an_enormous_image_is_refused():
    with pytest.raises(ValueError, match="no PNG"):
        decode_png(written("L", "JPEG"))
    with pytest.raises(ValueError, match="decompression bomb"):
        decode_png(written("1", size=(20000, 20000)))
