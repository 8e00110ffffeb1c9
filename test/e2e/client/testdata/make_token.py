"""Creates a Fernet token with Python's cryptography from a key and a text on the input."""

import sys

from cryptography.fernet import Fernet

key, text = sys.stdin.read().split("\n", 1)
sys.stdout.write(Fernet(key).encrypt(text.encode()).decode())
