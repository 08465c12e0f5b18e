"""Dockerfiles, Compose files and Kubernetes manifests."""
