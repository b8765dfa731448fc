"""Sources: what delivers batches, whichever kind of source it is."""
