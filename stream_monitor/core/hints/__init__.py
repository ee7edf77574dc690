"""Hints: what probably caused a drift, from the counts of both sides alone; causes.py is the entry."""
