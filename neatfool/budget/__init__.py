"""The budget for a metered target, which costs something to ask, and the answers that it gave."""
