"""Runs the queries of docs/database.md and prints their rows as JSON, by plain drivers."""
import json, os, pathlib, sys

url = os.environ["DATABASE_URL"]
if url.startswith("sqlite://"):
    import sqlite3
    connection = sqlite3.connect("file:" + url.removeprefix("sqlite://") + "?mode=ro", uri=True)
else:
    import psycopg2
    connection = psycopg2.connect(url)

document = pathlib.Path(sys.stdin.read().strip()).read_text()
queries = document.split("```sql\n")[1].split("```")[0].split(";\n")
results = []
for query in filter(str.strip, queries):
    cursor = connection.cursor()
    cursor.execute(query)
    results.append([[str(value) for value in row] for row in cursor.fetchall()])
json.dump(results, sys.stdout)
