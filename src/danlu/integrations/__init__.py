"""Danlu inside other people's tuners, so that nobody has to move."""
