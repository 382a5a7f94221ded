"""What can go wrong when the embedded parts start, each told in one sentence."""


class SandboxError(Exception):
    """An embedded part cannot start or does not answer; the text says why and what to do."""
