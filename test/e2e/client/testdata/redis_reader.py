"""Reads the keys of docs/redis.md as a plain program does, and prints them as JSON."""
import json, os, sys

import redis

client = redis.Redis(host=os.environ["REDIS_HOST"], port=int(os.environ["REDIS_PORT"]), decode_responses=True)
services = ["shop", "plain"]
keys = ["config:production:shop:database.url", "feature_flag:beta:production", "service_info:shop", "service:shop:active"]
json.dump({
    "ttl": {key: client.ttl(key) for key in [*keys, "service:shop:instances", "healthy_services"]},
    "config": json.loads(client.get(keys[0])),
    "flag": json.loads(client.get(keys[1])),
    "info": json.loads(client.get(keys[2])),
    "active": client.get(keys[3]),
    "instances": {
        service: {id: json.loads(text) for id, text in client.hgetall(f"service:{service}:instances").items()}
        for service in services
    },
    "healthy": sorted(client.smembers("healthy_services")),
}, sys.stdout)
