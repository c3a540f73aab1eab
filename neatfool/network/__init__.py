"""A PyTorch classifier in the fastest form that scores the same."""
