"""JSON Schemas of what is published: records.py has one per type, built from the enums that fill them."""
