"""Rebuilds the existing resources and their versions from events."""
import json
import os

from kafka import KafkaConsumer

consumer = KafkaConsumer(
    *os.environ["TOPICS"].split(","),
    bootstrap_servers=os.environ["BROKERS"].split(","),
    auto_offset_reset="earliest",
    consumer_timeout_ms=30_000,
)
seen, exists, revisions = {}, {}, set()
wanted = range(1, int(os.environ["UNTIL"]) + 1)
for message in consumer:
    event, name = json.loads(message.value), f"{message.topic}:{message.key.decode()}"
    if event["data"]["version"] > seen.get(name, 0):  # otherwise a duplicate
        seen[name] = event["data"]["version"]
        exists[name] = event["action"] != "delete"
    revisions.add(event["data"]["revision"])
    if revisions.issuperset(wanted):
        break
print(json.dumps({name: seen[name] for name in sorted(seen) if exists[name]}))
