"""What plugins implement, and what passes between them."""
