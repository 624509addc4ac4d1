# a short training
max_iters = 30
