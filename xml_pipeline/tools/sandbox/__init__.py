"""Sandboxes: where commands run that nobody has read.

Two layers. The outer one is bubblewrap: namespaces of its own for users, processes, files, network
and all else. The inner one is put on by ``enclosing`` in the process itself: resource limits, no
new privileges, Landlock and seccomp; where the outer one cannot be had it has to do alone.
"""
