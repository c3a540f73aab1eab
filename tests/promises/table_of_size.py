"""Prints how large the project is, and its core: ``python tests/promises/table_of_size.py``.

Lines of code have a token that is neither a comment nor part of a docstring. The core is what the
README's first line loads: it is run, in a folder of its own.
"""

import ast
import io
import re
import subprocess
import sys
import tempfile
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLANK = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE),
    *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
}
NO_NOUNS = re.compile(
    r"(?:[a-z](?:ed|ing)|Of[A-Z]\w*|More|Until|Given|Sight|Between|Shown)$|^Of[A-Z]"
)
RUN = """
import sys
from neatfool.__main__ import main
sys.argv = ["neatfool", "run", "mnist", "--out", sys.argv[1]]
try:
    main()
except SystemExit:
    pass
ours = [module for name, module in sys.modules.items() if name.startswith("neatfool")]
print(*(getattr(module, "__file__", None) for module in ours))
"""


def code_lines(path: Path) -> int:
    """Count the lines of code of a module."""
    text = path.read_text(encoding="utf-8")
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        for each in body if isinstance(body, list) else ():
            value = each.value if isinstance(each, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                docstrings.update(range(each.lineno, each.end_lineno + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in BLANK:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def modules(*folders: str) -> list[Path]:
    """List the modules of folders of the project."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def loaded_by_the_main_job() -> list[Path]:
    """Run the README's first line, and list the modules of the project that it loads."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", RUN, f"{folder}/run"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [Path(each) for each in output.splitlines()[-1].split() if each != "None"]


def class_names() -> Counter[str]:
    """Count the names of classes."""
    names: Counter[str] = Counter()
    for path in modules("neatfool", "plugins"):
        names.update(re.findall(r"^class (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    return names


def main() -> None:
    """Print the table."""
    core, names = loaded_by_the_main_job(), class_names()
    twice = sorted(name for name, count in names.items() if count > 1 and name != "Options")
    odd = sorted(name for name in names if NO_NOUNS.search(name))
    rows = [
        (
            "code lines of neatfool/ and plugins/",
            sum(map(code_lines, modules("neatfool", "plugins"))),
        ),
        ("code lines of neatfool/", sum(map(code_lines, modules("neatfool")))),
        ("code lines that the main job loads", sum(map(code_lines, core))),
        ("modules that the main job loads", len(core)),
        ("code lines of tests/", sum(map(code_lines, modules("tests")))),
        ("class names that occur twice", f"{len(twice)} {' '.join(twice)}"),
        ("class names that are no nouns", f"{len(odd)} {' '.join(odd)}"),
    ]
    for what, figure in rows:
        sys.stdout.write(f"{what:40}{figure:>8}\n")


if __name__ == "__main__":
    main()
