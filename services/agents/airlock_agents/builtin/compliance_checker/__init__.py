"""The agent `compliance-checker`."""
