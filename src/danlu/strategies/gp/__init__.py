"""Bayesian optimisation with Gaussian processes."""
