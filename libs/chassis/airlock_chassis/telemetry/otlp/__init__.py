"""Telemetry by OTLP/HTTP: a collector that is down, slow or hostile costs nothing but a counter."""
