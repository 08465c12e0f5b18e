"""Secrets in the tree, by detect-secrets."""
