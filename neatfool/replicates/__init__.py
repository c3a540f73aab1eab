"""One experiment, several seeds."""
