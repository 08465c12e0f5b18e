"""The probe: tries from the inside what a sandbox should refuse, and says what it saw."""
