"""What people see in a terminal: tables, runs as they go, gates, problems."""
