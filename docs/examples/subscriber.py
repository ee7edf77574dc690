"""Opens a ticket when something drifts critically, and closes it when that is over or was a false alarm.

Usage: python subscriber.py localhost:9092 drift-events
"""

import json
import sys

from confluent_kafka import Consumer

settings = {
    "bootstrap.servers": sys.argv[1],
    "group.id": "drift-tickets",
    "isolation.level": "read_committed",  # what a transaction aborted was never said
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,  # every start reads all events again and arrives at the same tickets
}
consumer = Consumer(settings)
consumer.subscribe([sys.argv[2]])
incidents, tickets = {}, set()
while True:
    message = consumer.poll(1.0)
    if message is None or message.error():
        continue
    event = json.loads(message.value())
    if event["type"] != "drift":
        continue
    events = incidents.setdefault(event["incident"], {})
    if event["id"] in events and event["revision"] <= events[event["id"]]["revision"]:
        continue  # seen before, or older: the highest revision holds
    events[event["id"]] = event
    valid = [e for e in events.values() if e["status"] != "retracted"]
    newest = max(valid, key=lambda e: e["window"]["end"], default={"alert_status": "resolved"})
    is_critical = any(e.get("severity") == "critical" for e in valid)
    should_be_open = is_critical and newest["alert_status"] == "firing"
    if should_be_open != (event["incident"] in tickets):
        tickets ^= {event["incident"]}
        why = event["hints"][0]["text"] if event.get("hints") else event["status"]
        did = "open" if should_be_open else "close"
        print(did, event["incident"], event["model"], event["feature"], why, flush=True)
