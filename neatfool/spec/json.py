"""The type of values stored as JSON."""

from typing import Any

Json = Any
"""A value for ``json.dumps``: None, bool, int, float, str, lists and string-keyed dicts of them."""
