"""Decrypts a Fernet token with Python's cryptography, with key and token on the input."""

import sys

from cryptography.fernet import Fernet

key, token = sys.stdin.read().split()
sys.stdout.write(Fernet(key).decrypt(token).decode())
