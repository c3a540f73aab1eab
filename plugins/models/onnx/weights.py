"""The files in which an ONNX graph keeps weights that it does not hold itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx

from neatfool import TargetError


def weight_files(path: Path, content: bytes) -> list[Path]:
    """List the files that a graph names, wherever in it a tensor is; ``content`` is its own file.

    Raises:
        TargetError: onnx cannot read the graph, or it names what is no ordinary file of its folder.
    """
    try:
        tensors = [*_tensors(onnx.load_from_string(content))]
    except Exception as error:  # onnx raises many kinds
        raise TargetError(f"{path}: onnx cannot read it ({error}); export it again") from error
    external = [each for each in tensors if each.data_location == onnx.TensorProto.EXTERNAL]
    entries = [entry for each in external for entry in each.external_data]
    names = {entry.value for entry in entries if entry.key == "location"}
    folder = path.parent.resolve()
    for name in sorted(names):
        # As a link leads elsewhere, what it leads to may be exchanged without a trace.
        file = folder / name
        if Path(name).is_absolute() or "\0" in name or file.resolve() != file or not file.is_file():
            raise TargetError(
                f"{path}: keeps weights in {name!r}, which is no ordinary file in its folder or "
                "below; put the file itself there, no link, or export the network into one file"
            )
    return [path.parent / name for name in sorted(names)]


def _tensors(message: Any) -> Iterator[Any]:
    """Find all tensors: of the graph, graphs within it, functions, attributes, sparse ones."""
    if isinstance(message, onnx.TensorProto):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in [value] if hasattr(value, "ListFields") else value:
                yield from _tensors(each)
