"""What code a measurement rests on, so that a kept one is told from that of another version."""

from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from neatfool.evolution.assembly import versions
from neatfool.plugin.discovery import installed_plugins


@cache
def measuring_code(own: Path) -> dict[str, str]:
    """Return the versions that a measurement rests on, and a hash of the code.

    Args:
        own: The folder of the code that measures. Hashed with it are neatfool, and the installed
            measures, views and detectors.
    """
    files = {*Path(__file__).parents[1].rglob("*.py"), *own.rglob("*.py")}
    found = versions()
    with suppress(PackageNotFoundError):
        found["pytorch-ood"] = version("pytorch-ood")
    for entry, point in installed_plugins():
        if entry.kind in {"view", "detector", "measure"}:
            found[entry.source] = entry.version
            with suppress(ImportError):  # A plugin that is broken measures nothing.
                spec = find_spec(point.module)
                files |= {Path(spec.origin)} if spec and spec.origin else set()
                for folder in (spec and spec.submodule_search_locations) or ():
                    files |= {*Path(folder).rglob("*.py")}
    code = sha256(b"".join(file.read_bytes() for file in sorted(files))).hexdigest()
    return found | {"code": code}
