"""The notifier: tells people that something happened."""
