"""For training functions in PyTorch: checkpoints that resume bit for bit, and trials of several processes."""
