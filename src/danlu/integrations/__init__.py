"""Danlu's strategies inside other tuners, so that nobody has to migrate."""
