"""A target made safe and fast."""
