"""The code reviewer: ruff, lizard and checks of its own over a workspace that is not to be trusted."""
