"""What `onestack replay` is made of: choosing runs, telling what would be done, and doing it at a bounded rate."""
