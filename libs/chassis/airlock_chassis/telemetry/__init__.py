"""Logs, traces and metrics, the same in every Airlock process."""
