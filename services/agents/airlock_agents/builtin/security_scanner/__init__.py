"""The security scanner: bandit and detect-secrets over a workspace that is not to be trusted."""
