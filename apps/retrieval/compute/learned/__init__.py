"""Spaces computed from other spaces, after a model was learned on the whole collection."""
