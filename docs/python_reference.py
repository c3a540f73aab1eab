"""The Python reference as Markdown, from the code's signatures and docstrings.

``python docs/generated.py --write`` writes its pages into ``docs/reference``.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from copy import deepcopy
from functools import cache
from inspect import cleandoc
from itertools import pairwise
from pathlib import Path
from pkgutil import resolve_name
from textwrap import dedent
from typing import TYPE_CHECKING, Any, get_type_hints

from neatfool import NeatfoolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGES: dict[str, tuple[str, Sequence[str]]] = {
    "fooling": ("Fool and evolve", ()),
    "runs": ("Runs, elites and scorers", ()),
    "measures": ("Measures", ["analysis"]),
    "contracts": ("Contracts of plugins", ()),
    "parts": ("What plugins use", ()),
    "hooks": ("Hooks and checks of plugins", ["plugin.hookspecs", "testing"]),
    "measure-authors": ("For authors of measures", ["measure"]),
    "findings": ("Findings, pages and pictures", ["present"]),
    "models": ("Models by name", ["models"]),
    "ood": ("Out-of-distribution detectors", ["ood"]),
    "cppn": ("CPPNs and other NEAT networks", ["cppn"]),
    "helpers": ("Helpers", ["network", "files", "wording", "server"]),
    "errors": ("Errors", ()),
}
"""The title of each page, and the packages whose names it has."""

TOP_LEVEL = {
    "fooling": (
        "fooling.fool",
        "fooling.evolve",
        "evolution.assembly",
        "evolution.python_target.channels_last",
    ),
    "runs": (
        "run.",
        "fooling.",
        "measure.elites",
        "experiment.",
        "scoring.",
        "spec.fitting",
        "wording",
        "machine",
    ),
    "contracts": ("spec.",),
    "parts": ("",),
}
"""How the paths begin of names, exported by ``neatfool`` itself, that stand on a page."""

MEASURES = [
    "ablate.repetition.find_repetition",
    "ancestry.diversity.Diversity",
    "ancestry.goal_switches.goal_switches",
    "ancestry.goal_switches.GoalSwitches",
    "ancestry.broad_kinds.find_kinds",
    "survive.finding.keep_survival",
    "quiz.designs.NOTHING",
    "quiz.answers.CHOICE",
    "audit.measure.audit",
    "audit.card.ReportCard",
    "audit.card.LongerSearch",
]
"""What plugins offer beside their measures."""

ROLE = re.compile(r":\w+:`(?:[^`<]*<)?~?(?:neatfool\.)?([\w.]+)>?`|``(.+?)``", re.DOTALL)
SECTION = re.compile(r"^(Args|Attributes|Examples?|Raises|Returns|Yields):\n", re.MULTILINE)
WIDTH = 96
ELLIPSIS = ast.Expr(ast.Constant(...))
ITEM = re.compile(r"^(\*{0,2}\w[\w.]*):", re.MULTILINE)


def reference_pages() -> dict[str, str]:
    """Give the Markdown of each page, by the name of its file."""
    return {f"{page}.md": write_page(page, *about) for page, about in PAGES.items()}


def write_page(page: str, title: str, packages: Sequence[str]) -> str:
    parts = [f"# {title}"]
    level = "###" if len(packages) > 1 else "##"
    for package in (f"neatfool.{each}" for each in packages):
        parts += [f"## `{package}`"] * (len(packages) > 1)
        parts.append(to_markdown(inspect.getdoc(resolve_name(package)) or ""))
        parts += [describe(f"{package}.{name}", level) for name in names_of(package)]
    if page == "measures":
        parts += [describe(f"neatfool_plugins.{each}", level) for each in MEASURES]
    parts += [
        describe(f"neatfool.{name}", level) for name in names_of("neatfool") if place(name) == page
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def names_of(package: str) -> list[str]:
    """Give a package's public names, without those of packages."""
    module = resolve_name(package)
    names = getattr(module, "__all__", None) or [
        name for name in dir(module) if package.endswith("analysis") or name.startswith("neatfool_")
    ]
    return [name for name in names if not inspect.ismodule(getattr(module, name))]


def place(name: str) -> str:
    """Say on which page a name of ``neatfool`` stands."""
    value = resolve_name(f"neatfool.{name}")
    if isinstance(value, type) and issubclass(value, NeatfoolError):
        return "errors"
    path = f"{getattr(value, '__module__', '')}.{name}".removeprefix("neatfool.")
    return next(page for page, starts in TOP_LEVEL.items() if path.startswith(starts))


def describe(path: str, level: str) -> str:
    """Write a section about a public name, under a heading of the level."""
    package, _, name = path.rpartition(".")
    value = inspect.unwrap(resolve_name(f"{package}:{name}"))
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return f"{level} `{name}`\n\n{to_markdown(text_below(path))}"
    node = parse(value)
    parts = [to_markdown(ast.get_docstring(node) or "")]
    if isinstance(node, ast.ClassDef):
        for each in value.__mro__[1:]:  # What is public inherits from what is not.
            if each.__name__.startswith("_") and each.__module__.startswith("neatfool"):
                node.body += getattr(parse(each), "body", [])
        parts += describe_members(node)
    elif path.startswith("neatfool.analysis."):
        finding = get_type_hints(value)["return"]
        parts.append(describe(f"{finding.__module__}.{finding.__name__}", level))
    return "\n\n".join(filter(None, [f"{level} `{name}`", code(outline(node)), *parts]))


def parse(value: Any) -> Any:
    """Give the definition of a function or a class; None if it has none, as what pydantic makes."""
    for node in body_of(sys.modules[value.__module__].__file__):
        if getattr(node, "name", "") == value.__name__:
            return deepcopy(node)
    return None


@cache
def body_of(file: str) -> list[ast.stmt]:
    return ast.parse(Path(file).read_text(encoding="utf-8")).body


def describe_members(node: ast.ClassDef) -> Iterator[str]:
    """Say what the public members are for, as far as they have texts."""
    for each, below in zip(node.body, [*node.body[1:], None], strict=True):
        text, name = "", ""
        match each:
            case ast.FunctionDef(name=name):
                text = ast.get_docstring(each) or ""
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                text = text_of(below) or description(value)
        if text and is_public(name):
            yield f"**`{name}`**: {to_markdown(text)}"


def is_public(name: str) -> bool:
    return name in {"__init__", "__call__"} or not name.startswith("_")


def text_of(node: ast.AST | None) -> str:
    """Give a text that stands by itself, as below a field or a constant."""
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return cleandoc(text)
    return ""


def description(value: ast.expr | None) -> str:
    """Give the description of a pydantic model's field."""
    for keyword in getattr(value, "keywords", ()):
        if keyword.arg == "description" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return ""


def text_below(path: str) -> str:
    """Give what stands below a constant where it is defined."""
    package, _, name = path.rpartition(".")
    value = resolve_name(f"{package}:{name}")
    root = package.partition(".")[0]
    for module in [each for key, each in sys.modules.items() if key.partition(".")[0] == root]:
        if vars(module).get(name) is value and getattr(module, "__file__", None):
            for each, below in pairwise(body_of(module.__file__)):
                targets = getattr(each, "targets", [getattr(each, "target", None)])
                if name in [getattr(target, "id", "") for target in targets] and text_of(below):
                    return text_of(below)
    raise LookupError(f"{path}: write below it what it is")


def outline(node: Any) -> Any:
    """Leave of a function or a class what its users write: no docstrings, no code."""
    if isinstance(node, ast.ClassDef):
        members = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AnnAssign)]
        shown = [
            each for each in members if is_public(getattr(each, "name", "") or target_of(each))
        ]
        node.body = [outline(each) for each in shown] or [ELLIPSIS]
    elif isinstance(node, ast.FunctionDef):
        node.body = [ELLIPSIS]
    elif isinstance(node.value, ast.Call):
        node.value = None  # It makes a field of a dataclass or of a pydantic model.
    return node


def target_of(node: ast.AnnAssign) -> str:
    return ast.unparse(node.target)


def code(node: ast.AST) -> str:
    """Write a node as a block of Python."""
    text = re.sub(r":\n +\.\.\.", ": ...", ast.unparse(node))
    return "```python\n" + "\n".join(map(wrap, filter(str.strip, text.splitlines()))) + "\n```"


def wrap(line: str) -> str:
    """Give each parameter of a long function a line of its own."""
    found = re.fullmatch(r"( *)(def \w+\()(.*)(\).*: \.\.\.)", line)
    if found is None:
        return line
    margin, start, inside, end = found.groups()
    parameters = [spaced(each) for each in split_parameters(inside)]
    line = f"{margin}{start}{', '.join(parameters)}{end}"
    if len(line) <= WIDTH:
        return line
    lines = [f"{margin}    {each}," for each in parameters]
    return "\n".join([margin + start, *lines, margin + end])


def split_parameters(text: str) -> Iterator[str]:
    """Split at the commas that are in no brackets."""
    start = depth = 0
    for place, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and not depth:
            yield text[start:place].strip()
            start = place + 1
    yield from filter(None, [text[start:].strip()])


def spaced(parameter: str) -> str:
    return parameter.replace("=", " = ", 1) if ":" in parameter.partition("=")[0] else parameter


def to_markdown(docstring: str) -> str:
    """Turn a docstring with Google's sections into Markdown."""
    text = ROLE.sub(lambda found: f"`{found[1] or found[2]}`", cleandoc(docstring))
    body, *sections = SECTION.split(text)
    parts = [prose(body)]
    for head, content in zip(sections[::2], sections[1::2], strict=True):
        inside, rest = re.fullmatch(r"((?: .*\n?|\n)*)(.*)", content, re.DOTALL).groups()
        inside = dedent(inside).strip()
        if head.startswith("Example"):
            parts.append(f"```sh\n{inside}\n```")
        elif head in {"Args", "Attributes", "Raises"}:
            parts += ["**Raises**:"] * (head == "Raises") + [ITEM.sub(r"- `\1`:", inside)]
        else:
            parts.append(f"**{head}**: {prose(inside)}")
        parts.append(prose(rest))
    return "\n\n".join(filter(None, parts))


def prose(text: str) -> str:
    """Write paragraphs; what is indented after ``::`` is code."""
    blocks = re.sub(
        r"::\n\n((?:(?: {4}.*)?\n?)+)",
        lambda found: f":\n\n```python\n{dedent(found[1]).strip()}\n```\n\n",
        text,
    )
    return blocks.strip()
