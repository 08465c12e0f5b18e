"""Pipelines: GitHub Actions, GitLab CI, Jenkins."""
