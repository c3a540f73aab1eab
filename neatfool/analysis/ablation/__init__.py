"""Ablation: which parts of images, and of their networks, carry the confidence."""
