"""The pure core: compile definitions, start and go on with runs, fold the run log. No I/O, no clock, no randomness."""
