"""Languages other than Python: told by name and content, read by a small lexer, searched by tables of patterns."""
