"""Flows: listeners that lead others through their work, and never think themselves.

A sequence, a parallel, a loop and a graph are one thing: steps, and the ways between them. So
one handler runs them all (``running``), from where the thread's state says that it stands
(``progress``), and one check says when a file is loaded whether the steps fit (``checking``).
"""
