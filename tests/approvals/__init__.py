"""Permissions and approvals: rules, those who are asked, and what they have decided."""
