"""Spaces of any vision backbone in the Hugging Face format, each named by one line of TOML.

Knows neither torch nor transformers: the web process reads the lines and looks for the files.
"""
