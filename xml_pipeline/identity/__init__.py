"""Who the organism is, and whom outside it believes: Ed25519 signatures of envelopes.

Only ``keys`` needs the cryptography, and is loaded only where a key is named.
"""
