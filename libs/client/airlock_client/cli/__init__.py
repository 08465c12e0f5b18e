"""The `airlock` command: one file per noun, errors told in one place."""
