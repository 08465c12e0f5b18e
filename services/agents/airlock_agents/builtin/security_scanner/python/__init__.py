"""Rules for Python that bandit lacks: what a request says, followed in one function to where it does harm."""
