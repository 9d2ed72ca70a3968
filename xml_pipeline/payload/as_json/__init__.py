"""Payloads as JSON, and as JSON Schema."""
