"""What all processes share: settings, logging, metrics, secrets, the Kafka and Postgres clients."""
