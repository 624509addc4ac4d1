"""How to spend steps rather than trials: strategies that stop, pause and resume."""
