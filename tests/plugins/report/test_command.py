"""The command ``neatfool report``."""

from commands import neatfool


def test_a_report_is_written_into_the_run(copy):
    before = (copy / "report.html").read_text()
    (copy / "report.html").unlink()
    result = neatfool("report", copy)
    assert (result.exit_code, result.stdout) == (0, f"{copy / 'report.html'}\n")
    assert (copy / "report.html").read_text() == before


def test_a_report_is_written_elsewhere_on_request(copy, tmp_path):
    (copy / "report.html").unlink()
    result = neatfool("report", copy, "-o", tmp_path / "page.html")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'page.html'}\n")
    assert not (copy / "report.html").exists()
    page = (tmp_path / "page.html").read_text()
    assert page.lower().startswith("<!doctype html>")
    assert "school bus" in page
