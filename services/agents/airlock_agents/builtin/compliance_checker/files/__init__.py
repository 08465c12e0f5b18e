"""Files that must be there, and files that must not."""
