"""Rule health: what is wrong with workflows, as their runs and events tell it."""
