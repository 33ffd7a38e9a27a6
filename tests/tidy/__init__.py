"""Checks of the source tree: names, sizes, include direction, links, language."""
