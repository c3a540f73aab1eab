"""What commands print: tables for any window, and sentences."""

import re

import pytest
from commands import rows

from neatfool.present import Output

HEADS = ["class", "confidence", "their confidence", "image"]
CELLS = [
    ["a class with a rather long name", "> 99.99 % (log-odds 17.2)", "98.7 % (12)", "images/a.png"],
    ["[red]b[/]", "0.0034 %", "-", "images/b.png"],
]


@pytest.fixture
def shown(monkeypatch, capsys):
    """Give a function that prints a table in a window, and gives what it looks like."""

    def show(width, **options):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.delenv("FORCE_COLOR", raising=False)
        Output().table(HEADS, CELLS, **({"words": (0, 3)} | options))
        return capsys.readouterr().out

    return show


def test_a_wide_window_has_a_line_for_each_row(shown):
    assert rows(shown(120)) == CELLS


@pytest.mark.parametrize("width", [32, 40, 48, 60, 80, 100])
def test_no_number_is_cut_or_broken_and_no_column_is_missed_in_silence(shown, width):
    text = shown(width)
    table, _, left_out = text.partition("Left out, as the window is narrow: ")
    assert max(map(len, table.splitlines())) <= width
    missing = left_out.strip().split(", ") if left_out else []
    assert len(rows(table)[0]) == len(HEADS) - len(missing)
    assert missing == HEADS[len(HEADS) - len(missing) :]
    for place, head in enumerate(HEADS[1:3], 1):
        if head not in missing:
            for line in (line for row in CELLS for line in re.split(r" (?=\()", row[place])):
                assert line in table
    assert "…" not in table
    assert "[red]b" in table


def test_of_many_rows_the_first_and_the_last_are_shown(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    Output().table(["n", "square"], [[f"{n}", f"{n * n}"] for n in range(50)], most=6)
    shown = [row[0] for row in rows(capsys.readouterr().out)]
    assert shown == ["0", "1", "2", "3", "…", "48", "49"]


def test_sentences_are_broken_between_words_on_a_terminal_only(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "20")
    sentence = "The median confidence is 99.98 % for [a]."
    Output().say(sentence)
    assert capsys.readouterr().out == f"{sentence}\n"
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    Output().say(sentence)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 20
    assert " ".join(line.strip() for line in lines) == sentence
