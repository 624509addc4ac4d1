"""Drafts: what a training script can be told, read without running it, and the search that may be made of it."""
