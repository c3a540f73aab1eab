"""The gallery in a real browser."""

import json
import shutil
from itertools import pairwise

import pytest
from browser import BROWSER
from devtools import Browser
from galleries import MARKUP

from neatfool import ImageSpec
from neatfool.present import encode_formula
from neatfool_plugins.cppn import CppnEncoding, Options
from neatfool_plugins.gallery.folder import format_script

pytestmark = pytest.mark.browser

DRAWN = "document.querySelectorAll('.frame[data-state=drawn]').length"
CANVASES = "document.querySelectorAll('.frame canvas').length"
STAGE = "document.querySelector('.pane canvas')"
NAME = "document.querySelector('#name').textContent"
ON_STAGE = f"{STAGE} && {STAGE}.dataset.state === 'drawn' && !neatfool.viewer.stage.asked"


def names(browser):
    return browser.do(
        "[...document.querySelectorAll('.tile .name')].map((each) => each.textContent)"
    )


def open_one(browser, *, name="bright", run=0, more=""):
    index = browser.do(
        f"neatfool.gallery.elites.find((each) => each.name === {json.dumps(name)}).index"
    )
    browser.do(f"location.hash = '#image={run}.{index}{more}'")
    browser.wait(f"document.querySelector('dialog[open]') && {ON_STAGE}")


def pixels(browser):
    """Give a fingerprint of what the stage shows from the formula."""
    browser.wait(ON_STAGE)
    return browser.do(
        f"(() => {{ const shown = {STAGE}, c = document.createElement('canvas');"
        "c.width = shown.width; c.height = shown.height;"
        "const own = c.getContext('2d', { willReadFrequently: true });"
        "own.drawImage(shown, 0, 0);"
        "const p = own.getImageData(0, 0, c.width, c.height);"
        "let sum = 0; p.data.forEach((v, i) => (sum = (sum * 31 + v * (i % 97)) % 1e9));"
        "return `${c.width} ${c.height} ${sum}`; })()"
    )


def settle(browser):
    browser.wait("!neatfool.viewer.stage.moving && !neatfool.viewer.stage.asked")


def set_value(browser, selector, value, event="input"):
    browser.do(
        f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.value = {value!r};"
        f"e.dispatchEvent(new Event('{event}', {{ bubbles: true }})); }})()"
    )


def test_all_images_are_drawn_live_and_nothing_is_complained_of(shown):
    shown.wait(f"{DRAWN} === 8")
    assert shown.complaints == []
    assert {address.split(":")[0] for address in shown.requested} == {"file"}
    assert shown.do("neatfool.renderer.canvas.getContext('webgl2') === neatfool.renderer.gl")


def test_a_name_with_markup_stays_a_name(shown):
    open_one(shown, name=MARKUP)
    assert MARKUP in names(shown)
    assert shown.do(NAME) == MARKUP
    assert "seized" not in shown.do("document.title").replace(MARKUP, "")
    assert shown.do("document.querySelectorAll('[onerror]').length") == 0
    assert shown.complaints == []


def test_a_script_that_got_in_does_not_run(shown):
    shown.do(
        "(() => { const script = document.createElement('script');"
        "script.textContent = 'window.seized = true'; document.body.append(script);"
        "const div = document.createElement('div');"
        "div.innerHTML = '<img src=x: onerror=\"window.seized = true\">';"
        "document.body.append(div); })()"
    )
    shown.wait("true")
    assert shown.do("window.seized === undefined")
    assert any("Content Security Policy" in each for each in shown.complaints)


def test_images_are_searched_sorted_and_filtered(shown):
    set_value(shown, "#which", "0")
    assert len(names(shown)) == 4
    set_value(shown, "#sort", "class")
    assert names(shown)[:2] == [MARKUP, "bright"]
    set_value(shown, "#find", "SCHOOL")
    assert names(shown) == ["school bus"]
    set_value(shown, "#find", "no such class")
    assert names(shown) == []
    set_value(shown, "#find", "")
    set_value(shown, "#sort", "surest")
    sure = shown.do("neatfool.grid.order.map((each) => each.score)")
    assert sure == sorted(sure, reverse=True)
    limit = 100 * sure[1] - 1e-9
    shown.do("document.querySelector('#least').step = 'any'")
    set_value(shown, "#least", str(limit))
    assert len(names(shown)) == sum(100 * each >= limit for each in sure)


def test_two_runs_stand_side_by_side_class_by_class(shown):
    assert shown.do("document.querySelectorAll('.pairs li').length") == 4
    pairs = shown.do(
        "[...document.querySelectorAll('.pairs li')].map((each) =>"
        "[...each.querySelectorAll('.name')].map((name) => name.textContent))"
    )
    assert all(len(pair) == 2 and pair[0] == pair[1] for pair in pairs)
    open_one(shown, more="&beside=1")
    assert shown.do("document.querySelectorAll('.pane canvas').length") == 2
    titles = shown.do("[...document.querySelectorAll('.pane-title')].map((e) => e.textContent)")
    assert "seed 1" in titles[0]
    assert "seed 2" in titles[1]


def test_the_keyboard_is_enough(shown):
    shown.press("/", "Slash")
    assert shown.do("document.activeElement.id") == "find"
    shown.do("document.querySelector('a.tile').focus()")
    first = shown.do("document.activeElement.textContent")
    shown.press("ArrowRight")
    assert shown.do("document.activeElement.textContent") != first
    shown.press("ArrowLeft")
    shown.press("Enter")
    shown.wait(f"document.querySelector('dialog[open]') && {ON_STAGE}")
    assert first.startswith(shown.do(NAME))
    before = pixels(shown)
    shown.press("+")
    settle(shown)
    zoomed = pixels(shown)
    assert zoomed != before
    shown.press("ArrowRight")
    settle(shown)
    assert pixels(shown) != zoomed
    shown.press("0")
    settle(shown)
    assert pixels(shown) == before
    name = shown.do(NAME)
    shown.press("n")
    assert shown.do(NAME) != name
    shown.press("p")
    assert shown.do(NAME) == name
    shown.press("Escape")
    assert not shown.do("document.querySelector('dialog').open")
    assert shown.do("document.activeElement.classList.contains('tile')")
    assert shown.complaints == []


def test_wheel_drag_and_pinch_move_the_view(shown):
    open_one(shown)
    x, y = shown.do(
        f"(() => {{ const b = {STAGE}.getBoundingClientRect();"
        "return [b.left + b.width / 2, b.top + b.height / 3]; })()"
    )
    shown.mouse("mouseWheel", x, y, deltaX=0, deltaY=-240)
    settle(shown)
    assert shown.do("neatfool.viewer.stage.view.zoom") == pytest.approx(2)
    middle = shown.do("neatfool.viewer.stage.view.x")
    shown.mouse("mousePressed", x, y, button="left", clickCount=1)
    shown.mouse("mouseMoved", x + 30, y, button="left")
    shown.mouse("mouseReleased", x + 30, y, button="left", clickCount=1)
    settle(shown)
    assert shown.do("neatfool.viewer.stage.view.x") < middle
    shown.resize(390, 844, phone=True)
    settle(shown)
    x, y = shown.do(
        f"(() => {{ const b = {STAGE}.getBoundingClientRect();"
        "return [b.left + b.width / 2, b.top + b.height / 2]; })()"
    )
    for kind, apart in (("touchStart", 10), ("touchMove", 20), ("touchMove", 30), ("touchEnd", 0)):
        points = [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}]
        shown.call("Input.dispatchTouchEvent", type=kind, touchPoints=points if apart else [])
    settle(shown)
    assert shown.do("neatfool.viewer.stage.view.zoom") > 4
    assert shown.complaints == []


def test_one_can_go_into_a_picture_as_far_as_numbers_go_and_is_told_where_they_end(shown):
    open_one(shown)
    notes = []
    for zoom in (1, 10, 100, 1000, 10_000, 1e6, 1e8):
        shown.do(f"neatfool.viewer.stage.view = {{ x: 4.2, y: 2.9, zoom: {zoom} }}")
        shown.do("neatfool.viewer.stage.moved()")
        settle(shown)
        shown.wait(ON_STAGE)
        notes.append(shown.do("document.querySelector('.pane-note').textContent"))
    assert notes[:4] == [""] * 4
    assert "beyond single precision" in notes[-1]
    assert shown.complaints == []


def test_a_picture_with_a_band_limit_can_be_drawn_sharper(shown):
    open_one(shown, run=1)
    before = pixels(shown)
    shown.press("s")
    shown.wait(ON_STAGE)
    assert pixels(shown) != before
    assert "sharp=1" in shown.do("location.hash")


def test_a_node_shows_what_it_draws_and_its_knobs_change_the_picture_at_once(shown):
    open_one(shown)
    shown.wait("document.querySelector('.graph .output')")
    before = pixels(shown)
    shown.do(
        "document.querySelector('.graph .output')"
        ".dispatchEvent(new MouseEvent('click', { bubbles: true }))"
    )
    shown.wait(ON_STAGE)
    node = pixels(shown)
    assert node != before
    assert "draws" in shown.do("document.querySelector('.pane-title').textContent")
    shown.do("document.querySelector('.node-place input[type=checkbox]').click()")
    assert pixels(shown) == before
    shaders = shown.do("neatfool.renderer.programs.size")
    for value in ("-9", "-4", "3.5"):
        set_value(shown, ".knob input", value)
        shown.wait(ON_STAGE)
    assert shown.do("neatfool.renderer.programs.size") == shaders
    assert pixels(shown) != before
    assert "changed" in shown.do("document.querySelector('.pane-title').textContent")
    shown.do("document.querySelector('.node-place button').click()")
    shown.wait("!document.querySelector('.pane-title').textContent.includes('changed')")
    assert pixels(shown) == before
    assert shown.complaints == []


def test_ancestors_are_shown_one_after_another(shown):
    open_one(shown)
    shown.wait("document.querySelectorAll('.steps button').length > 1")
    before = pixels(shown)
    count = shown.do("document.querySelectorAll('.steps button').length")
    shown.press("a")
    shown.wait("document.querySelector('.line output').textContent.startsWith('1 of')")
    shown.wait(f"document.querySelector('.line output').textContent.startsWith('2 of {count}')")
    shown.press("a")
    shown.do("document.querySelector('.steps button').click()")
    assert "ancestor, generation 0" in shown.do("document.querySelector('.pane-title').textContent")
    shown.do("document.querySelector('.steps button').click()")
    assert pixels(shown) == before
    assert shown.complaints == []


def test_a_link_leads_to_an_image_and_a_place_in_it(shown, page):
    open_one(shown, more="&at=3.5,2.25,8")
    settle(shown)
    shown.do("neatfool.viewer.stage.pan(20, 10)")
    settle(shown)
    there, seen = shown.do("location.hash"), pixels(shown)
    shown.open("about:blank")
    shown.open(page.as_uri() + there)
    shown.wait(f"document.querySelector('dialog[open]') && {ON_STAGE}")
    assert shown.do(NAME) == "bright"
    assert pixels(shown) == seen


def test_a_lost_context_comes_back_and_drawing_goes_on(shown):
    open_one(shown)
    before = pixels(shown)
    shown.do("window.lose = neatfool.renderer.gl.getExtension('WEBGL_lose_context'), 0")
    shown.do("lose.loseContext()")
    shown.wait("!neatfool.renderer.works && !document.querySelector('#notice').hidden")
    shown.do("neatfool.viewer.stage.zoom(2)")
    shown.do("neatfool.viewer.stage.reset()")
    shown.do("lose.restoreContext()")
    shown.wait("neatfool.renderer.works && document.querySelector('#notice').hidden")
    settle(shown)
    assert pixels(shown) == before
    assert shown.do("neatfool.renderer.gl.isContextLost()") is False
    assert [each for each in shown.complaints if "CONTEXT_LOST" not in each] == []


@pytest.mark.parametrize("width", [390, 1180, 1920])
def test_nothing_sticks_out_of_a_phone_or_a_wide_window(shown, width):
    shown.resize(width, 844, phone=width < 500)
    shown.wait(f"innerWidth === {width}")
    assert shown.do("document.documentElement.scrollWidth") <= width
    open_one(shown)
    assert shown.do("document.querySelector('.body').scrollWidth") <= width
    assert shown.do(f"{STAGE}.getBoundingClientRect().height") > 150
    assert shown.complaints == []


def test_dark_and_light_follow_the_system_or_the_button(shown):
    paper = "getComputedStyle(document.body).backgroundColor"
    light = shown.do(paper)
    shown.resize(1180, 900, dark=True)
    shown.wait(f"{paper} !== {json.dumps(light)}", 5)
    shown.do("document.querySelector('#theme').click()")
    assert shown.do(paper) == light
    shown.do("localStorage.clear()")


def test_everything_has_words(shown):
    open_one(shown)
    shown.wait("document.querySelectorAll('.steps button').length > 1")
    nameless = shown.do(
        "[...document.querySelectorAll('button, a, input, select, canvas, img, svg [role=button]')]"
        ".filter((each) => !each.closest('[aria-hidden=true]') && !(each.getAttribute('aria-label')"
        "|| each.textContent.trim() || each.closest('label')"
        "|| each.closest('a')?.textContent.trim()))"
        ".map((each) => each.outerHTML)"
    )
    assert nameless == []


def test_without_webgl_the_saved_images_stand_in(page, tmp_path):
    if BROWSER is None:
        pytest.skip("no browser to open the gallery in")
    browser = Browser(tmp_path, "--disable-3d-apis")
    try:
        browser.open(page.as_uri())
        assert "no WebGL2" in browser.do("document.querySelector('#notice').textContent")
        browser.wait("[...document.querySelectorAll('.frame img')].every((each) => each.complete)")
        assert browser.do("document.querySelector('.frame img').naturalWidth") == 8
        browser.do("document.querySelector('a.tile').click()")
        browser.wait("document.querySelector('dialog[open]') && document.querySelector('.graph')")
        assert browser.do("document.querySelectorAll('.pane canvas').length") == 2
        assert [each for each in browser.complaints if "WebGL" not in each] == []
    finally:
        browser.close()


def test_nothing_is_drawn_while_one_scrolls(shown):
    shown.wait(f"{DRAWN} === 8")
    shown.do("neatfool.grid.items.clear(), neatfool.grid.show(), 0")
    drawn = shown.do(
        "(async () => { const end = performance.now() + 600;"
        "while (performance.now() < end) {"
        "  dispatchEvent(new Event('scroll'));"
        "  await new Promise((done) => setTimeout(done, 10));"
        "}"
        f"return {DRAWN}; }})()"
    )
    assert drawn == 0
    shown.wait(f"{DRAWN} === 8")


def test_a_picture_that_is_open_is_drawn_before_the_tiles(shown):
    shown.wait(f"{DRAWN} === 8")
    order = shown.do(
        "(async () => { const { renderer, gallery } = neatfool, order = [];"
        "const pictures = await Promise.all(gallery.elites.map((e) => gallery.loadPicture(e)));"
        "const view = { left: 0, top: 0, step: 1, width: 8, height: 8 };"
        "const all = pictures.map((picture, i) =>"
        "  renderer.draw(picture, view, { urgent: i === 7 }).image.then(() => order.push(i)));"
        "await Promise.all(all); return order; })()"
    )
    assert order[0] == 7


@pytest.mark.parametrize(("width", "height", "below"), [(1180, 900, True), (1920, 900, False)])
def test_the_stage_shows_the_larger_images(shown, width, height, below):
    shown.resize(width, height)
    open_one(shown)
    (left, top), (other_left, other_top) = shown.do(
        "[...document.querySelectorAll('.pane canvas')].map((each) => {"
        "const box = each.getBoundingClientRect(); return [box.left, box.top]; })"
    )
    assert (other_top > top + 100) == below
    assert (other_left > left + 100) == (not below)


def test_a_phone_shows_one_column(shown):
    shown.resize(390, 844, phone=True)
    open_one(shown)
    boxes = shown.do(
        "[...document.querySelectorAll('.pane canvas, .panel')].map((each) => {"
        "const box = each.getBoundingClientRect(); return [box.top, box.bottom, box.width]; })"
    )
    assert len(boxes) == 3
    assert all(width > 360 for _, _, width in boxes)
    assert all(end <= begin for (_, end, _), (begin, _, _) in pairwise(boxes))


def test_the_network_fits_its_box_and_can_be_enlarged(shown):
    open_one(shown)
    outside = (
        "(() => { const box = document.querySelector('.graph').getBoundingClientRect();"
        "return [...document.querySelectorAll('.graph .node')].filter((node) => {"
        "const own = node.getBoundingClientRect(); return own.right > box.right + 1 ||"
        "own.left < box.left - 1 || own.top < box.top - 1 || own.bottom > box.bottom + 1;"
        "}).length; })()"
    )
    side = "document.querySelector('.graph circle').getBoundingClientRect().width"
    assert shown.do(outside) == 0
    before = shown.do(side)
    shown.do("document.querySelector('.window-buttons button:last-child').click()")
    assert shown.do(side) == pytest.approx(1.5 * before, rel=0.01)
    shown.do("document.querySelectorAll('.window-buttons button')[1].click()")
    assert shown.do(side) == pytest.approx(before, rel=0.01)
    assert shown.complaints == []


@pytest.mark.slow
def test_a_thousand_images_are_scrolled_with_one_context(browser, page, tmp_path):
    folder = tmp_path / "many"
    shutil.copytree(page.parent, folder)
    encoding = CppnEncoding(
        Options(preset="patterns", band_limit=0), spec=ImageSpec(32, 32, 3, ("a", "b"))
    )
    genomes = encoding.create(range(50))
    text = (folder / "data" / "index.js").read_text()
    index = json.loads(text.removeprefix('neatfool.data.put("index",').removesuffix(");\n"))
    run = index["runs"][0]
    run |= {"width": 32, "height": 32}
    run["drawing"] |= {"band_limit": 0, "colour": "oklab"}
    run["elites"] = [
        run["elites"][0] | {"index": each, "name": f"class {each}", "network": each}
        for each in range(1000)
    ]
    index["runs"] = [run]
    (folder / "data" / "index.js").write_bytes(format_script("index", index))
    format_formulas = [encode_formula(encoding.picture(each)) for each in genomes]
    for first in range(0, 1000, index["together"]):
        some = [format_formulas[each % 50] for each in range(first, first + index["together"])]
        name = f"0/networks-{first // index['together']}"
        (folder / "data" / f"{name}.js").write_bytes(format_script(name, some))
    browser.resize(1180, 900)
    browser.open("about:blank")
    browser.complaints.clear()
    browser.open((folder / "index.html").as_uri())
    browser.do(
        "window.lost = 0; window.most = 0;"
        "neatfool.renderer.addEventListener('lost', () => (lost += 1))"
    )
    browser.wait(f"{DRAWN} > 10", 60)
    height = browser.do("document.documentElement.scrollHeight")
    for place in range(0, height, 700):
        browser.do(f"scrollTo(0, {place})")
        browser.do(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        browser.do(
            "window.most = Math.max(most, document.querySelectorAll('.frame canvas').length)"
        )
    browser.wait("neatfool.tiles.wanted.size === 0", 120)
    bottom = "[...document.querySelectorAll('.frame')].at(-1).dataset.state"
    assert browser.do(bottom) == "drawn"
    assert browser.do("lost") == 0
    assert browser.do("most") < 500
    assert browser.do(CANVASES) < 500
    assert browser.complaints == []
