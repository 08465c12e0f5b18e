"""A new agent of one's own: its first files, and its manifest kept in step with its functions."""
