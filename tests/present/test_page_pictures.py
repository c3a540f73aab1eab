import io
import xml.etree.ElementTree as ET
from base64 import b64decode
from urllib.parse import unquote

import networkx as nx
import numpy as np
from PIL import Image

from neatfool.cppn import draw_graph
from neatfool.figure import INK
from neatfool.present import page_blocks


def noise(side):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))


def png_of(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def decoded(picture):
    return Image.open(io.BytesIO(b64decode(picture.src.split(",")[1])))


def test_a_small_png_is_shown_byte_for_byte():
    png = png_of(noise(28))
    picture = page_blocks.embed_png(png, 96)
    assert b64decode(picture.src.removeprefix("data:image/png;base64,")) == png
    assert (picture.width, picture.height) == (28, 28)


def test_a_large_png_is_reduced_and_keeps_its_shape():
    picture = page_blocks.embed_png(png_of(noise(300).crop((0, 0, 300, 150))), 96)
    assert (picture.width, picture.height) == decoded(picture).size == (96, 48)


def test_a_heavy_png_is_compressed_even_if_it_is_not_too_wide():
    picture = page_blocks.embed_png(png_of(noise(256)), 256)
    assert len(picture.src) < 1.34 * page_blocks.LARGEST_EXACT
    assert picture.width == 256


def test_noise_travels_with_loss_and_enlarged_pixels_as_they_are():
    assert page_blocks.embed_image(noise(96), 96).src.startswith("data:image/webp;")
    enlarged = noise(28).resize((448, 448), Image.Resampling.NEAREST)
    assert decoded(page_blocks.embed_image(enlarged, 448)).tobytes() == enlarged.tobytes()


def test_small_images_are_not_enlarged():
    assert page_blocks.embed_image(noise(28), 64).width == 28


def test_a_drawing_follows_the_scheme_of_the_page_and_stays_an_svg():
    graph = nx.DiGraph()
    graph.add_node(0, kind="output", label="100 % #<grey> & 'x'", activation="sin")
    src = page_blocks.embed_svg(draw_graph(graph))
    assert not set('"<>#\n') & set(src)
    svg = unquote(src.removeprefix("data:image/svg+xml,"))
    root = ET.fromstring(svg)
    assert "100 % #<grey> & 'x'" in [element.text for element in root.iter()]
    assert "@media (prefers-color-scheme:dark)" in svg
    assert svg.count(INK) == 1  # where the variable is set; all else uses the variable
