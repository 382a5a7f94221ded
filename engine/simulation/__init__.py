"""A run played through in virtual time, with the functions that the real agents call, and told in one document."""
