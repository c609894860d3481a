"""Writes a store as authsome 0.2 has it: a home with a master key, and a database for each profile.

Standard input is a JSON object with the directory, the definitions by name, and the records by key.
"""

import base64
import json
import os
import pathlib
import secrets
import sqlite3
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

plan = json.load(sys.stdin)
home = pathlib.Path(plan["directory"])
key = secrets.token_bytes(32)


def encoded(data):
    return base64.b64encode(data).decode("ascii")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


master = {"version": 1, "key": encoded(key), "algorithm": "AES-256-GCM"}
write(home / "master.key", json.dumps(master, indent=2))
os.chmod(home / "master.key", 0o600)
write(home / "version", "2\n")
config = {"spec_version": 1, "default_profile": "default", "encryption": {"mode": "local_key"}}
write(home / "config.json", json.dumps(config))
for name, definition in plan["definitions"].items():
    write(home / "providers" / (name + ".json"), json.dumps(definition))

databases = {}
for name, record in plan["records"].items():
    profile = name.split(":")[1]
    if profile not in databases:
        directory = home / "profiles" / profile
        directory.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(str(directory / "store.db"))
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        databases[profile] = db
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(key).encrypt(nonce, json.dumps(record).encode("utf-8"), None)
    row = (name, encoded(nonce) + "." + encoded(sealed))
    databases[profile].execute("INSERT OR REPLACE INTO kv (key, value) VALUES (?, ?)", row)

for db in databases.values():
    db.commit()
    if plan["clean_end"]:
        db.close()
sys.stdout.flush()
os._exit(0)  # like a daemon that is killed: what was not closed stays in the write-ahead log
