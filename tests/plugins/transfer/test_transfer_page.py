"""The page of ``neatfool transfer``: the matrix as a picture, and the images."""

import re

import pytest
from commands import CLASSES, PLUGIN, neatfool
from PIL import Image

pytestmark = pytest.mark.usefixtures("own_sys_path")


@pytest.fixture(scope="module")
def page(two_runs, tmp_path_factory):
    """Write the page of two runs, three networks and two photographs."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "photographs").mkdir()
    for light in (30, 220):
        Image.new("L", (30, 20), light).save(folder / "photographs" / f"{light}.png")
    networks = []
    for name, plugin in (
        ("larger", PLUGIN.replace("ImageSpec(6, 8", "ImageSpec(12, 16")),
        ("<b>stranger</b>", PLUGIN.replace("'dark'", "'night'")),
    ):
        place = folder / str(len(networks))
        place.mkdir()
        (place / "patches.py").write_text(plugin)
        networks.append(place / f"{name.replace('/', '-')}.ini")
        networks[-1].write_text("[plugins]\npath = patches.py\n[target]\nplugin = patches\n")
    result = neatfool(
        *("transfer", two_runs, "--to", *networks),
        *("--in-distribution", folder / "photographs", "--html", folder / "page.html"),
        exit_code=0,
    )
    assert f"Look at {folder / 'page.html'}" in result.stdout
    return (folder / "page.html").read_text(encoding="utf-8")


def test_it_shows_two_matrices_and_each_image_in_each_network(page):
    assert page.count('class="curve"') == 2
    assert page.count('<img class="pixels"') == 2 * len(CLASSES)
    assert "in-distribution images" in page
    assert "&lt;b&gt;stranger" in page
    assert "(own)" in page
    bare = re.sub(r'src="[^"]*"', "", page)
    assert "http://" not in bare
    assert "nan" not in bare
    assert "\\xa0" not in bare
