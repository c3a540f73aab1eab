"""What schemes search with: seeds, and learning by gradients."""
