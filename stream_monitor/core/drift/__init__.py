"""Distances between a reference and a window, from counts; verdicts judge them elsewhere."""
