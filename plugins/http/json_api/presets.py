"""How some public APIs are asked: the options that a preset stands for."""

from __future__ import annotations

from typing import Any, Final, Literal

Preset = Literal[
    "huggingface-image-classification",
    "google-vision-label-detection",
    "azure-vision-tag",
    "openai-vision-chat",
]
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
    # No temperature: some servers give the log-probabilities that it makes.
    "openai-vision-chat": {
        "body": {
            "model": "{model}",
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "text",
                            "text": "Which of these does the image show?\n{classes}\n"
                            "Answer with its letter and nothing else.",
                        },
                        {
                            "type": "image_url",
                            "image_url": {"url": "data:image/png;base64,{image}"},
                        },
                    ],
                }
            ],
            "max_completion_tokens": 1,
            "logprobs": True,
            "top_logprobs": 20,
        },
        "found_at": "choices[0].logprobs.content[0].top_logprobs[?class_of(token)]",
        "labels_at": "class_of(token)",
        "scores_at": "exp(logprob)",
    },
}
"""Preset -> option -> value; what an experiment says itself comes first."""
MOST_IMAGES: Final = {"google-vision-label-detection": 16}
"""Preset -> the most images that the API takes in a request."""
MEDIA_TYPES: Final = {"azure-vision-tag": "application/octet-stream"}
"""Preset -> the media type of the body, where the API takes no ``image/png``."""
