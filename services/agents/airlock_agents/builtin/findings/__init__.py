"""What agents that look at code share: which files, what a finding is, how it is shown."""
