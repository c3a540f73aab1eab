"""Recognition, from files of answers: what is found, printed, written and refused."""

import csv
import io
import json

import jsonschema
import pytest
from commands import neatfool
from scipy.stats import binomtest

from neatfool import analysis, errors
from neatfool_plugins.quiz.answers import CHOICE
from neatfool_plugins.quiz.recognition import Recognition

NOTHING = "nothing at all"
FIVE = ("tabby", "volcano", "stole", "candle", "tench, Tinca tinca")
MARKUP = "<img src=x onerror=alert(1)>[red]\x1b[31m"


def answer(image=1, said="tabby", **more):
    """Make a row of a file of answers, about an evolved tabby unless it says otherwise."""
    row = {"quiz": "q", "player": "p", "image": image, "kind": "evolved", "class": "tabby"}
    row |= {"run": "small", "seed": 3, "known_by": "network", "confidence": 0.75}
    row |= {f"choice_{place}": name for place, name in enumerate(FIVE, 1)}
    return row | {"answer": said, "sure": 2, "seconds": 1.5} | more


def noise(image, said=NOTHING, **more):
    return answer(image, said, kind="noise", confidence="", **{"class": NOTHING}, **more)


def write(file, *rows):
    text = io.StringIO()
    names = dict.fromkeys(name for row in rows for name in row)
    table = csv.DictWriter(text, [*names])
    table.writeheader()
    table.writerows(rows)
    file.write_text(text.getvalue())
    return file


@pytest.fixture
def file(tmp_path):
    return tmp_path / "answers.csv"


@pytest.fixture
def mixed(file):
    """Write answers of two players: right, wrong and nothing, and controls."""
    return write(
        file,
        answer(1, seconds=1),
        answer(2, "volcano", sure=4, seconds=2),
        answer(3, NOTHING, seconds=9),
        answer(1, player="other", confidence=0.95, seconds=4),
        answer(4, kind="photograph", known_by="label", confidence=""),
        answer(5, "stole", kind="photograph", confidence=""),
        noise(6),
        noise(7, "candle"),
    )


def test_shares_are_those_of_the_answers_with_wilsons_interval_beside_chance(mixed):
    found = analysis.recognise(mixed)
    evolved, photographs, noise_ = found.kinds
    assert (found.answers, found.players, found.by_network) == (8, 2, 1)
    assert [kind.name for kind in found.kinds] == ["evolved images", "photographs", "noise"]
    assert (evolved.answers, evolved.right.value, evolved.nothing.value) == (4, 0.5, 0.25)
    interval = binomtest(2, 4).proportion_ci(method="wilson")
    assert (evolved.right.low, evolved.right.high) == pytest.approx(interval[:])
    assert (evolved.chance, evolved.sure, evolved.seconds) == pytest.approx((1 / 6, 2.5, 3))
    assert (photographs.right.value, noise_.right.value, noise_.nothing.value) == (0.5, 0.5, 0.5)


def test_with_fewer_choices_chance_is_larger(file):
    row = answer()
    few = {name: row[name] for name in row if name not in {"choice_4", "choice_5"}}
    assert analysis.recognise(write(file, few)).kinds[0].chance == 0.25


def test_evolved_images_are_told_apart_by_run(mixed):
    found = analysis.recognise(mixed)
    assert [(each.name, each.answers) for each in found.runs] == [("small, seed 3", 4)]


@pytest.mark.parametrize(
    ("rights", "verdict"),
    [
        ((20, 18, 22), "which is more than chance (17 %; p = 0.0052)"),
        # Of all 72 answers, 25 are right, which a binomial test would call more than chance.
        ((23, 1, 1), "which is not significantly different from chance (17 %; p = 0.61)"),
        ((1, 0, 0), "which is less than chance (17 %; p = 0.0082)"),
        ((4, 4, 4), "chance is 17 %, and players with equal shares cannot be tested"),
        ((24,), "chance is 17 %, and one player cannot be tested"),
    ],
)
def test_the_headline_is_the_test_of_the_players_means(file, rights, verdict):
    rows = [
        answer(place, "tabby" if place < right else "stole", player=player)
        for player, right in enumerate(rights)
        for place in range(24)
    ]
    (line, *_) = neatfool("recognise", write(file, *rows)).stdout.splitlines()
    assert line.startswith(f"{len(rights)} player")
    assert verdict in line
    page = file.with_name("page.html")
    neatfool("recognise", file, "--html", page, exit_code=0)
    assert verdict in page.read_text()


def test_each_condition_has_its_headline(file):
    rows = [
        answer(place, said, player=player, design="best-images", condition=condition)
        for player in (1, 2)
        for condition, place, said in (("best", player, "tabby"), ("typical", 3, "stole"))
    ]
    first, second, *more = neatfool("recognise", write(file, *rows)).stdout.splitlines()
    assert first.startswith("2 players chose, on average, the network's class for 100 %")
    assert "of evolved images (best)" in first
    assert second.startswith("2 players chose, on average, the network's class for 0 %")
    assert "of evolved images (typical)" in second
    assert "are correct" not in "".join(more)  # of all answers, as if there were no conditions


def test_players_without_a_name_are_not_taken_for_one(file):
    rows = [answer(1), answer(1), answer(1, "stole")]
    found = analysis.recognise(write(file, *(row | {"player": ""} for row in rows)))
    assert (found.answers, found.repeated) == (3, 0)
    assert found.kinds[0].right.value == pytest.approx(2 / 3)


def test_a_spreadsheet_runs_nothing_of_what_strangers_wrote(file):
    evil = '=HYPERLINK("http://x","y")'
    found = analysis.recognise(write(file, answer(1, "=1+1", player=evil, choice_2="=1+1")))
    (row,) = csv.DictReader(io.StringIO(found.csv()))
    assert (row["player"], row["answer"]) == (f"'{evil}", "'=1+1")
    # And what was written so is read again.
    again = analysis.recognise(write(file, answer(1, "'=1+1", choice_2="'=1+1")))
    assert again.rows[0].answer == "=1+1"


def test_semicolons_and_spaces_of_a_spreadsheet_are_read(file):
    write(file, answer(1, "tabby "), answer(2, "volcano"))
    file.write_text(file.read_text().replace(",", ";").replace('"tench; Tinca tinca"', "tench"))
    assert analysis.recognise(file).kinds[0].right.value == 0.5


def test_a_players_first_answer_to_an_image_counts_once(file, mixed):
    again = write(file.with_name("again.csv"), answer(1, "stole"), answer(9))
    found = analysis.recognise([mixed, again, mixed])
    assert (found.answers, found.repeated) == (9, 9)
    assert "9 repeated answers are left out" in neatfool("recognise", mixed, again, mixed).stdout


def test_what_a_form_gave_needs_only_the_key_and_the_answers(file):
    needed = ("kind", "class", "answer", CHOICE)
    rows = [
        {name: row[name] for name in row if name.startswith(needed)}
        for row in (answer(), answer(said=NOTHING))
    ]
    found = analysis.recognise([write(file, *rows), write(file.with_name("b.csv"), *rows)])
    assert (found.answers, found.players) == (4, 2)
    assert found.kinds[0].sure is None


def test_json_follows_its_schema_and_csv_has_a_row_for_each_answer(mixed, tmp_path):
    result = neatfool("recognise", mixed, "--json", "--csv", tmp_path / "all.csv")
    schema = Recognition.model_json_schema(mode="serialization")
    told = json.loads(result.stdout)
    jsonschema.validate(told, schema)
    assert {*told} == {*schema["properties"]}
    rows = [*csv.DictReader((tmp_path / "all.csv").open())]
    assert [row["right"] for row in rows] == [*"10011010"]
    assert rows[1]["class"] == "tabby"
    assert rows[1]["answer"] == "volcano"


def test_what_a_stranger_wrote_is_shown_and_not_obeyed(file, tmp_path):
    row = {"class": MARKUP, "choice_1": MARKUP, "run": MARKUP}
    written = write(file, answer(1, MARKUP, **row, player=MARKUP), answer(2, MARKUP, **row))
    result = neatfool("recognise", written, "--html", tmp_path / "page.html", exit_code=0)
    assert "\x1b" not in result.output
    assert "[red]" in result.stdout
    page = (tmp_path / "page.html").read_text()
    assert "&lt;img src=x" in page
    assert "<img src=x" not in page
    assert "\x1b" not in page


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (answer(said="zebra"), "'zebra' is none of the choices"),
        (answer(said="no answer"), "'no answer' is none of the choices"),
        (answer(**{"class": "zebra"}), "'zebra' is none of the choices"),
        (answer(kind="noise"), f"noise, and nothing else, shows '{NOTHING}'"),
        (
            answer(kind="drawing"),
            "kind: Input should be 'evolved', 'photograph', 'noise' or 'no image'",
        ),
        (answer(seconds="nan"), "seconds: Input should be a finite number"),
        (answer(seconds=-1), "seconds: "),
        (answer(sure=5), "sure: "),
        (answer(confidence=2), "confidence: "),
        (answer(seed="9" * 5000), "seed: "),
        (answer(player="x" * 301), "player: String should have at most 300 characters"),
        ({"kind": "evolved", "answer": "tabby"}, "class: Field required"),
    ],
)
def test_a_row_that_is_no_answer_is_refused_with_its_line(file, row, said):
    result = neatfool("recognise", write(file, answer(), row), exit_code=2)
    assert f"{file}:3: " in result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "has no answers in it"),
        (b"kind,class\n", "has no answers in it"),
        (b"\xff\xfe", "cannot be read: it is no CSV in UTF-8"),
        (b'kind\n"' + b"x" * 200_000 + b'"\n', "cannot be read: it is no CSV"),
        (b"kind,class\n" + b"noise,\n" * 2_500_000, "has more than 16,777,216 bytes in it"),
        (None, "cannot be read: No such file or directory;"),
    ],
)
def test_a_file_that_holds_no_answers_is_refused(file, data, said):
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(errors.ExperimentError, match=str(file)) as refused:
        analysis.recognise(file)
    assert said in str(refused.value)
