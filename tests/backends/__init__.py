"""What is particular to one backend; what all of them do is in tests/contracts."""
