"""Learning by gradients, which schemes may use, and lists of seeds."""
