"""Stores a configuration with a key and reads it back without one, with requests.

Takes the service's URL and an admin key from SIGNALBOX_URL and SIGNALBOX_KEY.
"""

import os

import requests

BASE_URL = os.environ["SIGNALBOX_URL"] + "/api/v1"

created = requests.post(
    f"{BASE_URL}/config/",
    headers={"Authorization": "ApiKey " + os.environ["SIGNALBOX_KEY"]},
    json={
        "key": "database.url",
        "value": "postgresql://localhost:5432/mydb",
        "environment": "production",
        "service_name": "user-service",
        "description": "Database connection URL",
        "is_encrypted": False,
    },
    timeout=20,
)
print(created.json())

found = requests.get(
    f"{BASE_URL}/config/database.url",
    params={"environment": "production", "service_name": "user-service"},
    timeout=20,
)
print(found.json())
