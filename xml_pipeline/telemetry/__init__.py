"""Telemetry: what agents do, as spans of OpenTelemetry, made from the events of an organism."""
