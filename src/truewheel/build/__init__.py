"""What the jobs do, on a forge or on a laptop: compile, repair, validate, prove."""
