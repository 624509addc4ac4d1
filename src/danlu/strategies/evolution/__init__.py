"""Evolution: generations of trials, of which the better half makes the next."""
