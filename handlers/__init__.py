"""Handlers of the organisms in this repository: user-land code, to read and to start from."""
