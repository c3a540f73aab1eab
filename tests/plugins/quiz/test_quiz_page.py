"""The quiz in a real browser: played by keys and by touch, saved, and read again."""

import json
import time

import pytest
from commands import CLASSES, PLUGIN, neatfool, run_small

from neatfool import analysis

pytestmark = pytest.mark.browser

NOTHING = "nothing at all"
NAMES = ("dark", '"bright", or light', "<i>left</i> &amp; [x]", "school bus")
BUTTONS = "document.querySelectorAll('#offers button')"
TITLE = "document.querySelector('#what').textContent"


@pytest.fixture
def shown(browser, tmp_path):
    """Let the browser keep what it downloads, and forget what went wrong before."""
    browser.call(
        "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "saved")
    )
    browser.resize(1000, 800)
    browser.open("about:blank#")
    browser.complaints.clear()
    browser.requested.clear()
    return browser


def make_run(folder, names):
    return run_small(folder, plugin=PLUGIN.replace(repr(CLASSES), repr(names)))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Make a run whose classes have quotes, a comma and markup in their names."""
    return make_run(tmp_path_factory.mktemp("run"), NAMES)


@pytest.fixture
def page(finished, tmp_path):
    page = tmp_path / "quiz.html"
    assert neatfool("quiz", finished, "-o", page, "--noise", 1).exit_code == 0
    return page


def offered(browser, title):
    """Wait for a question that can be answered by now; give the texts of its buttons."""
    browser.wait(f"{TITLE} === {json.dumps(title)}")
    time.sleep(0.3)
    return browser.do(f"[...{BUTTONS}].map((each) => each.querySelector('bdi').textContent)")


def click(browser, place):
    browser.do(f"{BUTTONS}[{place}].click()")


def saved(folder):
    """Wait for the file that was saved."""
    end = time.monotonic() + 30
    while not (files := [*folder.glob("saved/answers-*.csv")]):
        assert time.monotonic() < end, "nothing was saved"
        time.sleep(0.05)
    return files[0]


def test_a_game_by_keys_is_saved_and_read_again(shown, page, tmp_path):
    shown.open(page.as_uri())
    shown.press("Enter")
    for place in range(5):
        names = offered(shown, "What is it?")
        assert sorted(names[:-1]) == sorted(NAMES)
        assert names[-1] == NOTHING
        assert shown.do("document.querySelector('#place').textContent") == f"{place + 1} of 5"
        assert shown.do("document.querySelector('#picture').naturalWidth") == 448
        shown.press("3")  # is no answer
        shown.press("abcde"[names.index("dark")])
        assert len(offered(shown, "How sure are you?")) == 4
        shown.press("c")
    shown.wait("!document.querySelector('#end').hidden")
    assert "on 1 of 4" in shown.do("document.querySelector('#score').textContent")
    meaning = shown.do("document.querySelector('#meaning').textContent")
    assert "You named that class 1 time, and said nothing at all 0 times." in meaning
    cards = shown.do("[...document.querySelectorAll('#seen .card')].map((e) => e.textContent)")
    assert sum("you: dark" in card for card in cards) == len(cards) == 5
    assert shown.do("document.querySelectorAll('#seen .right').length") == 1
    assert not [*tmp_path.glob("saved/*")]
    click_save = "document.querySelector('#save').click()"
    shown.do(click_save)
    found = analysis.recognise(saved(tmp_path))
    evolved, noise = found.kinds
    assert (found.answers, found.players, evolved.answers) == (5, 1, 4)
    assert (evolved.right.value, noise.right.value, evolved.sure) == (0.25, 0, 3)
    assert 0.2 < evolved.seconds < 60
    assert [each.name for each in found.runs] == ["small, seed 3"]
    assert shown.complaints == []
    assert {each.split(":")[0] for each in shown.requested} <= {"file", "data", "blob"}


def test_answers_to_a_published_design_fit_its_file(shown, finished, tmp_path):
    page = tmp_path / "quiz.html"
    neatfool("quiz", finished, "-o", page, "--design", "many-choices", exit_code=0)
    shown.open(page.as_uri())
    shown.press("Enter")
    for _ in range(4):
        assert offered(shown, "What did the network take it for?") == sorted(NAMES, key=str.lower)
        shown.press("a")
        offered(shown, "How sure are you?")
        shown.press("a")
    shown.wait("!document.querySelector('#end').hidden")
    assert "nothing at all" not in shown.do("document.querySelector('#meaning').textContent")
    shown.do("document.querySelector('#save').click()")
    found = analysis.recognise(saved(tmp_path), design=page.with_suffix(".design.json"))
    (agreement,) = found.agreement
    assert (agreement.design, agreement.mean.value, agreement.chance) == (
        "many-choices",
        0.25,
        0.25,
    )


def test_the_key_of_a_digit_is_the_digit(shown, tmp_path):
    page = tmp_path / "quiz.html"
    run = make_run(tmp_path, ("1", "7", "3", "9"))
    assert neatfool("quiz", run, "-o", page, "--noise", 1).exit_code == 0
    shown.open(page.as_uri())
    shown.press("Enter")
    given = []
    for key, answer in (("3", "3"), ("9", "9"), ("1", "1"), ("7", "7"), ("-", NOTHING)):
        names = offered(shown, "What is it?")
        keys = shown.do(f"[...{BUTTONS}].map((each) => each.querySelector('kbd').textContent)")
        assert [*zip(keys, names, strict=True)] == [("-" if n == NOTHING else n, n) for n in names]
        shown.press(key)
        offered(shown, "How sure are you?")
        shown.press("1")  # is no answer
        shown.press("d")
        given.append(answer)
        shown.wait(f"answers.length === {len(given)}")
    assert shown.do("answers.map((each) => each.answer)") == given
    shown.wait("!document.querySelector('#end').hidden")
    meaning = shown.do("document.querySelector('#meaning').textContent")
    assert meaning.startswith("4 images were not made from any photograph or handwriting.")
    shown.do("document.querySelector('#save').click()")  # else the browser would ask


def test_the_second_half_of_a_double_tap_is_no_answer(shown, page):
    shown.resize(400, 800, phone=True)
    shown.open(page.as_uri())
    shown.do("document.querySelector('#begin').click()")
    offered(shown, "What is it?")
    shown.do(f"{BUTTONS}[0].click(); setTimeout(() => {BUTTONS}[0].click())")
    assert len(offered(shown, "How sure are you?")) == 4
    assert shown.do("answers.length") == 0
    click(shown, 0)
    offered(shown, "What is it?")
    assert shown.do("answers.length") == 1


@pytest.mark.parametrize("width", [400, 1300])
def test_all_that_is_asked_fits_into_the_window(shown, page, width):
    shown.resize(width, 800, phone=width < 500)
    shown.open(page.as_uri())
    shown.do("document.querySelector('#begin').click()")
    offered(shown, "What is it?")
    assert shown.do("document.documentElement.scrollWidth") <= width
    lowest = f"Math.max(...[...{BUTTONS}].map((each) => each.getBoundingClientRect().bottom))"
    assert shown.do(lowest) <= 800


def test_an_image_says_nothing_of_what_it_is(shown, page):
    shown.open(page.as_uri())
    shown.do("document.querySelector('#begin').click()")
    offered(shown, "What is it?")
    attributes = "[...document.querySelector('#picture').attributes].map((each) => each.name)"
    assert {*shown.do(attributes)} == {"id", "alt", "draggable", "src"}
    assert shown.do("document.querySelector('#picture').alt") == "The image in question"


def test_each_player_has_an_order_of_their_own(shown, page):
    orders = set()
    for _ in range(6):
        shown.open("about:blank#")
        shown.open(page.as_uri())
        orders.add(shown.do("JSON.stringify(questions.map((each) => each.image))"))
    assert len(orders) > 1
    assert {frozenset(json.loads(order)) for order in orders} == {frozenset(range(1, 6))}
