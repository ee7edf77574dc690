"""The pure core: columns in, values out. No Kafka, disk, network, clock, environment or logging."""
