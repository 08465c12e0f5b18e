"""The patcher: proposes a diff for what a tool can mend, and applies a diff that somebody allowed."""
