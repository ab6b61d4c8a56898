"""Can a heat map be trusted? randomised weights, small changes, deletion."""
