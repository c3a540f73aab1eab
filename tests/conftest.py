"""What all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A machine that is busy with something else is no reason to fail; neither is a seed that nobody
# can bring back.
settings.register_profile(
    "neatfool",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("neatfool")
