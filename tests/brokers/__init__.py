"""Real Kafka brokers for the tests: found if there is one, started if not."""
