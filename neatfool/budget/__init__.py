"""The budget for a target that costs something to ask, and the answers that it gave."""
