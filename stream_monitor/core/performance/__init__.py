"""Performance: what labels say of predictions, computed from outcome counts."""
