"""The renderer in PyTorch operations, for every device."""
