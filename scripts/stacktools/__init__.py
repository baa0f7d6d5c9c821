"""What the scripts that put a stack up and take it down have in common."""
