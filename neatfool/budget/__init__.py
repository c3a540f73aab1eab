"""What may be asked of a target that costs something, what was asked, and what it answered."""
