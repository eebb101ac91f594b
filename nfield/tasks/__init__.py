"""One file per job: batches, loss terms, evaluation, spectral probe."""
