"""Provides the sandbox's tools and the virtual environment; docs/ makes the documentation's site."""
