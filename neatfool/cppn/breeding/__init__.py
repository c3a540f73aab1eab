"""How a child is bred from its parents."""
