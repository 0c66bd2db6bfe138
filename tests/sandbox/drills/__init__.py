"""Drills: things go wrong in the middle of a run, or around it, and the next run has to converge.

`python -m tests.sandbox.drills` runs them. `table.py` has them all: a drill is one entry there.
"""
