"""Files are written whole, and never through a link."""

import os

import pytest

from neatfool import StorageError
from neatfool.files import make_folder, write_whole


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_cannot_be_written_whole_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("full")

    write_whole(tmp_path / "x.bin", b"old")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="full"):
        write_whole(tmp_path / "x.bin", b"new")
    assert contents(tmp_path) == {"x.bin": b"old"}


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path):
    (tmp_path / "victim").write_bytes(b"mine")
    (tmp_path / "x.bin").symlink_to("victim")
    write_whole(tmp_path / "x.bin", b"new")
    assert contents(tmp_path) == {"victim": b"mine", "x.bin": b"new"}
    assert not (tmp_path / "x.bin").is_symlink()


def test_a_new_file_has_the_rights_of_any_other(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "x.bin", b"")
        (tmp_path / "other").touch()
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("x.bin", "other")]
    assert modes == [0o640, 0o640]


def test_a_name_of_the_greatest_length_can_be_written(tmp_path):
    name = "x" * 255
    write_whole(tmp_path / name, b"new")
    assert contents(tmp_path) == {name: b"new"}


@pytest.mark.parametrize("there", [True, False])
def test_folders_are_made_through_no_link(tmp_path, there):
    (tmp_path / "run").mkdir()
    (tmp_path / "alias").symlink_to("run")
    elsewhere = tmp_path / "elsewhere"
    if there:
        elsewhere.mkdir()
    (tmp_path / "run" / "linked").symlink_to(elsewhere)
    # The folder that the user names may be a link.
    make_folder(tmp_path / "alias" / "a" / "b", tmp_path / "alias")
    assert (tmp_path / "run" / "a" / "b").is_dir()
    with pytest.raises(StorageError, match="linked: is a link"):
        make_folder(tmp_path / "run" / "linked" / "b", tmp_path / "run")
    assert not (elsewhere / "b").exists()
