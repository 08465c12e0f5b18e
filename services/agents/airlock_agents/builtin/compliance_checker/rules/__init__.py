"""The rules, one readable table for each scope."""
