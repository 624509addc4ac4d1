"""Populations: trainings side by side, of which the worst go on with the weights of the best and other configs."""
