"""INI files are read with line numbers, and all that is wrong with them is told at once."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neatfool.config.ini import first_comment, override, parse_ini, read_ini, unquote
from neatfool.config.ini_writer import write_ini
from neatfool.errors import ExperimentError

PATH = Path("some/mnist.ini")
NAMES = st.text(alphabet="abcXYZ_09", min_size=1)


def values(sections):
    return {
        name: {key: value.given for key, value in section.values.items()}
        for name, section in sections.items()
    }


def errors(text):
    with pytest.raises(ExperimentError) as raised:
        parse_ini(text, PATH)
    return str(raised.value).splitlines()


def test_values_know_where_they_were_given():
    sections = parse_ini("# top\n\n[a]\nx = 1\n\n[b]  # two\ny: 2 # more\n", PATH)
    assert values(sections) == {"a": {"x": "1"}, "b": {"y": "2"}}
    assert sections["b"].where.endswith(":6")
    assert sections["b"].where == "some/mnist.ini:6"
    value = sections["b"].values["y"]
    assert (value.where, value.base) == ("some/mnist.ini:7", Path("some"))


def test_a_line_that_begins_with_a_space_goes_on_with_a_value():
    text = "[a]\nx = 1\n  2  # two\n\n  # no line\n  3\ny =\n  4"
    assert values(parse_ini(text, PATH)) == {"a": {"x": "1\n2\n3", "y": "4"}}


def test_all_that_is_wrong_is_told_with_its_line():
    text = "\n".join(
        [
            "seed = 1",  # 1
            "[a]",  # 2
            "  x = 1",  # 3
            "[b",  # 4
            "y = 1",  # 5
            "[]",  # 6
            "[a]",  # 7
            "z = 1",  # 8
            "z = 2",  # 9
            "just words",  # 10
            "[c]",  # 11
            "w = 1\u2028",  # 12
        ]
    )
    found = errors(text)
    assert [line.split(": ")[0] for line in found] == [
        f"some/mnist.ini:{line}" for line in (1, 3, 4, 6, 7, 9, 10, 12)
    ]
    assert "'seed = 1' is in no section; begin the file with [experiment]" in found[0]
    assert "begins with a space" in found[1]
    assert "'[b' is no section" in found[2]
    assert "[a] is given twice; merge the two sections" in found[4]
    assert "'z' is given twice" in found[5]
    assert "'just words' is none of: key = value" in found[6]
    assert "U+2028" in found[7]


@pytest.mark.parametrize(
    "text", ["{}\n[a]\n", "[a]\n{}\n", "  {}\n", "[a]\n{}=1\n{}=2\n", "[{}\n", "[{}]\n[{}]\n"]
)
def test_a_long_line_is_quoted_shortened(text):
    found = errors(text.replace("{}", 1_000_000 * "x"))
    assert all(len(line) < 250 for line in found)
    assert "xxxxx…xxxxx" in found[0]


@pytest.mark.parametrize("text", ["[a]\n\x1b[31mx = 1\n", "[\x1b]\n", "[a]\nx = \x07\n", "#\x9b\n"])
def test_a_control_character_is_told_by_its_number(text):
    (found,) = errors(text)
    assert "holds the invisible character U+00" in found
    assert found.isprintable()


def test_a_byte_order_mark_and_any_line_ends_are_read(tmp_path):
    path = tmp_path / "e.ini"
    path.write_bytes(b"\xef\xbb\xbf[a]\r\nx = 1\ry = 2\n")
    text, sections = read_ini(path)
    assert text == "[a]\nx = 1\ny = 2\n"
    assert values(sections) == {"a": {"x": "1", "y": "2"}}
    assert sections["a"].values["y"].where.endswith(":3")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("[a]\nname = é\n".encode("latin-1"), r"e.ini:2: is not UTF-8 text; save it as UTF-8"),
        ("[a]\n".encode("utf-16"), r"e.ini:1: is not UTF-8 text; save it as UTF-8"),
        (b"PK\x03\x04\0\0\xff", r"e.ini: is not an experiment, which is a text file; name a netw"),
        (b"[a]\nx = \0\n", r"e.ini:2: holds the invisible character U\+0000"),
    ],
)
def test_text_of_another_kind_is_refused(tmp_path, data, message):
    path = tmp_path / "e.ini"
    path.write_bytes(data)
    with pytest.raises(ExperimentError, match=message):
        read_ini(path)


def test_a_missing_file_is_named_with_what_is_near(tmp_path):
    (tmp_path / "mnist.ini").touch()
    with pytest.raises(ExperimentError, match=r"no such file; did you mean 'mnist.ini'\?"):
        read_ini(tmp_path / "mnits.ini")


def test_what_else_may_be_meant_is_named_only_if_it_is_near(tmp_path):
    (tmp_path / "api.ini").touch()
    with pytest.raises(ExperimentError, match=r"no such file; did you mean 'mnist'\?"):
        read_ini(tmp_path / "mnits", others=["mnist", "clip"])
    with pytest.raises(ExperimentError, match=r"no such file; there are: api.ini$"):
        read_ini(tmp_path / "whatever", others=["mnist", "clip"])


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(
        ExperimentError, match="is a folder; give an experiment's file; `neatfool experiments"
    ):
        read_ini(tmp_path)
    (tmp_path / "experiment.ini").touch()
    with pytest.raises(ExperimentError, match=f"there are: {tmp_path / 'experiment.ini'}"):
        read_ini(tmp_path)


def test_overrides_take_the_place_of_values():
    sections = parse_ini("[a]\nx = 1\n", PATH)
    merged = override(sections, ["a.x=2", "b.y = a=b.c ", "a.x=3"], Path("here"))
    assert values(merged) == {"a": {"x": "3"}, "b": {"y": "a=b.c"}}
    assert merged["a"].values["x"].where == "--set a.x"
    assert merged["a"].values["x"].base == Path("here")
    assert merged["a"].where == "some/mnist.ini:1"
    assert values(sections) == {"a": {"x": "1"}}


@pytest.mark.parametrize("text", ["", "x=1", "a.x", ".x=1", "a.=1"])
def test_an_override_of_another_form_is_refused(text):
    with pytest.raises(ExperimentError, match=r"must be SECTION\.KEY=VALUE"):
        override({}, [text], Path())


def test_an_override_that_is_no_text_is_refused():
    with pytest.raises(ExperimentError, match=r"--set experiment\.description: is not UTF-8 text"):
        override({}, ["experiment.description=\udcff"], Path())


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, st.text(), min_size=1)))
def test_what_is_written_reads_back(sections):
    read = parse_ini(write_ini(sections), PATH)
    assert {
        name: {key: unquote(value.given) for key, value in section.values.items()}
        for name, section in read.items()
    } == sections


@given(st.text(alphabet="[]=:#; \nab\"'\t") | st.text())
def test_any_text_is_read_or_refused_line_by_line(text):
    told = ""
    try:
        parse_ini(text, PATH)
    except ExperimentError as error:
        told = str(error)
    assert all(line.startswith("some/mnist.ini:") for line in told.split("\n") if told)


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        (
            "# Fool it,\n# digit by digit.\n#\n#     neatfool run\n\n[a]\n",
            "Fool it, digit by digit.",
        ),
        ("; One.\n[a]\n# not this\n", "One."),
        ("# One.\n\n# Two.\n", "One."),
        ("[a]\n# One.\n", ""),
        ("#\n# One.\n", ""),
        ("", ""),
    ],
)
def test_a_file_says_of_itself_what_the_first_paragraph_of_its_comment_says(text, comment):
    assert first_comment(text) == comment
