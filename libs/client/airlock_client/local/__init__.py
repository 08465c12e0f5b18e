"""Airlock on one machine: everything as child processes in one data folder."""
