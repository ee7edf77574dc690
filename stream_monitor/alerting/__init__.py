"""Alert rules for Prometheus, generated from the configuration: rules.py is the entry."""
