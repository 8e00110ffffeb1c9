"""Registers a service, reports its health, and lists the healthy ones, with requests.

Takes the service's URL and an admin key from SIGNALBOX_URL and SIGNALBOX_KEY.
"""

import os

import requests

BASE_URL = os.environ["SIGNALBOX_URL"] + "/api/v1"
HEADERS = {"Authorization": "ApiKey " + os.environ["SIGNALBOX_KEY"]}


def healthy():
    response = requests.get(f"{BASE_URL}/registry/healthy", headers=HEADERS, timeout=20)
    services = response.json()
    print(f"Found {services['total']} healthy services")


registered = requests.post(
    f"{BASE_URL}/registry/register",
    headers=HEADERS,
    json={
        "service_name": "user-service",
        "service_url": "http://user-service:8080",
        "health_check_url": "http://user-service:8080/health",
    },
    timeout=20,
)
print(registered.status_code, registered.json())
healthy()

reported = requests.put(
    f"{BASE_URL}/registry/health",
    headers=HEADERS,
    json={"service_name": "user-service", "status": "healthy", "response_time": 12.5},
    timeout=20,
)
print(reported.status_code, reported.json())
healthy()
