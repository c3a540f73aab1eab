"""How some public APIs are asked: the options that a preset stands for."""

from __future__ import annotations

from typing import Any, Final

PRESETS: Final[dict[str, dict[str, Any]]] = {
    "huggingface-image-classification": {
        "body": {"inputs": "{image}"},
        "found_at": "@",
        "labels_at": "label",
        "scores_at": "score",
    },
    "google-vision-label-detection": {
        "body": {
            "requests": [
                {
                    "image": {"content": "{image}"},
                    "features": [{"type": "LABEL_DETECTION", "maxResults": 50}],
                }
            ]
        },
        "repeat": "requests",
        "answers_at": "responses",
        "error_at": "error.message",
        "found_at": "labelAnnotations || `[]`",
        "labels_at": "description",
        "scores_at": "score",
        "api_key_header": "X-Goog-Api-Key",
    },
    "azure-vision-tag": {
        "send": "bytes",
        "found_at": "tags",
        "labels_at": "name",
        "scores_at": "confidence",
        "api_key_header": "Ocp-Apim-Subscription-Key",
    },
}
"""Preset -> option -> value; what an experiment says itself comes first."""
