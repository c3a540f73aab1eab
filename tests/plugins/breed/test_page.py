"""The page in a real browser."""

import signal

import pytest
from breeding import served
from legibility import contrasts

pytestmark = pytest.mark.browser

DRAWN = "document.getElementById('pictures')?.ariaBusy === 'false'"
HASHES = """Promise.all([...document.querySelectorAll('.picture img')].map(async (image) => {
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const digest = await crypto.subtle.digest('SHA-256', data);
  return [...new Uint8Array(digest)].join(' ');
}))"""


@pytest.fixture
def page(browser, tmp_path):
    """Open the page of a new session."""
    with served(folder=tmp_path) as session:
        show(browser, session)
        yield browser
        assert browser.complaints == []


def show(browser, session):
    browser.resize(1300, 900)
    browser.open(session.address)
    browser.wait(DRAWN, 60)
    browser.complaints.clear()


def do(page, script):
    """Do something that shows other pictures, and wait until they are shown."""
    page.do(f"{script}; 0")
    page.wait(DRAWN, 60)


def choose(page, *places):
    for place in places:
        page.do(f"document.querySelectorAll('.picture')[{place}].click()")


def breed(page, *places):
    choose(page, *places)
    do(page, "document.getElementById('next').click()")


def pressed(page):
    return page.do("""[...document.querySelectorAll('.picture')]
        .flatMap((each, i) => each.ariaPressed === 'true' ? [i] : [])""")


def status(page):
    return page.do("document.getElementById('status').textContent")


@pytest.mark.slow
def test_twenty_generations_killed_and_resumed_are_the_same_pictures(browser, tmp_path):
    drawn = []
    with served(folder=tmp_path) as session:
        show(browser, session)
        for generation in range(20):
            drawn.append(browser.do(HASHES))
            breed(browser, generation % 16, (3 * generation + 1) % 16)
        choose(browser, 4)
        browser.do("document.getElementById('keep').click()")
        browser.wait("document.querySelector('#kept img')")
        drawn.append(browser.do(HASHES))
        assert len({pixels for each in drawn for pixels in each}) > 200
        session.end(signal.SIGKILL)
    with served("runs/breed-1", folder=tmp_path) as session:
        show(browser, session)
        assert browser.do(HASHES) == drawn.pop()
        assert browser.do("document.querySelector('#kept figcaption').textContent") == "picture"
        for expected in reversed(drawn):
            do(browser, "document.getElementById('back').click()")
            assert browser.do(HASHES) == expected
        assert browser.do("document.getElementById('back').disabled")
        assert "Go on with: neatfool breed runs/breed-1" in session.end()


def test_pictures_are_drawn_chosen_bred_and_kept(page):
    first = page.do(HASHES)
    assert len(first) == 16
    assert page.do("document.getElementById('next').disabled")
    breed(page, 2, 5)
    assert page.do(HASHES) != first
    assert "Generation 1" in status(page)
    choose(page, 7)
    page.do("document.getElementById('name').value = '<b>owl</b>'")
    page.do("document.getElementById('keep').click()")
    page.wait("document.querySelector('#kept img')?.naturalWidth > 0")
    assert page.do("document.querySelector('#kept figcaption').textContent") == "<b>owl</b>"
    do(page, "document.getElementById('back').click()")
    assert page.do(HASHES) == first
    assert pressed(page) == [2, 5]
    do(page, "document.getElementById('forward').click()")
    assert "Generation 1" in status(page)


def test_the_keyboard_is_enough(page):
    page.do("document.querySelector('.picture').focus()")
    for key in ("ArrowRight", "ArrowDown", " "):
        page.press(key)
    assert pressed(page) == [5]
    page.press("n")
    page.wait(DRAWN)
    assert page.do("document.activeElement.ariaLabel") == "Picture 6 of 16"
    page.press("b")
    page.wait(DRAWN)
    assert pressed(page) == [5]
    page.press("k")
    page.wait("document.querySelectorAll('#kept li').length === 1")


def test_a_choice_outlives_a_reload(page):
    choose(page, 1, 8)
    page.do("""document.getElementById('strength').value = 2;
        document.getElementById('controls').dispatchEvent(new Event('input'))""")
    page.call("Page.reload")
    page.wait(DRAWN)
    assert pressed(page) == [1, 8]
    assert page.do("document.getElementById('strength-shown').textContent")[0] == "4"


def test_a_window_that_is_behind_shows_what_the_other_bred(page):
    address = page.do("location.href")
    page.do(f"""fetch('{address}act', {{ method: 'POST', body: JSON.stringify(
        {{ kind: 'next', version: 1, places: [3] }}) }}).then(() => 0)""")
    breed(page, 0)
    assert "Another window has gone on" in status(page)
    page.do("dispatchEvent(new Event('focus'))")
    choose(page, 0)
    assert "Generation 1" in status(page)
    page.complaints[:] = [each for each in page.complaints if "409" not in each]


def test_a_lost_connection_is_told_and_the_choice_stays(browser, tmp_path):
    with served(folder=tmp_path) as session:
        show(browser, session)
        session.end(signal.SIGKILL)
        choose(browser, 4)
        browser.do("document.getElementById('next').click()")
        browser.wait("document.getElementById('status').textContent.includes('neatfool has ended')")
        assert pressed(browser) == [4]
    browser.complaints.clear()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [400, 1300])
def test_nothing_sticks_out_and_all_texts_can_be_read(page, width, dark):
    choose(page, 0)
    page.do("document.getElementById('keep').click()")
    page.wait("document.querySelector('#kept img')?.naturalWidth > 0")
    page.resize(width, 900, phone=width == 400, dark=dark)
    assert page.do("document.documentElement.scrollWidth") <= width
    least, told = contrasts(page)[0]
    assert least >= 4.5, told
    sizes = page.do("""[...document.querySelectorAll('button, input')].map((each) =>
        Math.min(each.clientWidth, each.clientHeight))""")
    assert min(sizes) >= 24
