"""Kafka through confluent-kafka (librdkafka); the in-memory twins are in connectors/memory."""
