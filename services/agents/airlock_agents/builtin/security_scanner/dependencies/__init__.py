"""Dependencies with known flaws: what lock files pin, matched against advisories in OSV's format, offline."""
