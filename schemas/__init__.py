"""The contracts: events, definitions, commands and run-log entries as others see them on the topics."""
