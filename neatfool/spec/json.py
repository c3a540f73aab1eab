"""What is stored as JSON."""

from __future__ import annotations

from typing import Any

Json = Any
"""What ``json.dumps`` takes: None, bool, int, float, str, lists and string-keyed dicts of them."""
