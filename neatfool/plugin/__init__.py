"""Plugins: found, loaded and called."""
