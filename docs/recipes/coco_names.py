"""Writes coco_names.txt: the names of the vectors in coco_multi.npy, in their order."""

import ast
from pathlib import Path

tree = ast.parse(Path("coco_stuff.py").read_text(encoding="utf-8"))
names = next(
    ast.literal_eval(node.value)
    for node in ast.walk(tree)
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CLASSES"
)
Path("coco_names.txt").write_text("\n".join(names), encoding="utf-8")
