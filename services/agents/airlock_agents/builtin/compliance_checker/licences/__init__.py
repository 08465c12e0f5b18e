"""Licences: of the repository, of its files, of what it depends on."""
