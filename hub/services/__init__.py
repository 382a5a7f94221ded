"""What the API and the command line share: the same words and the same rules, whichever way one comes in."""
