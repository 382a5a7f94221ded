"""The Faust app: topics, and agents that decode, ask the engine, and publish."""
