"""Verifies and signs messages of Standard Webhooks by the libraries of PyPI: JSON on standard input, JSON on standard output."""

import json
import sys
from datetime import datetime, timezone

import standardwebhooks.webhooks
import svix.webhooks


def verified(webhook, sent):
    headers = {f"webhook-{name}": sent[name] for name in ("id", "timestamp", "signature")}
    try:
        webhook.verify(sent["body"].encode(), headers)
    except Exception:
        return False
    return True


def signed(webhook, sent):
    return webhook.sign(sent["id"], datetime.fromtimestamp(sent["seconds"], timezone.utc), sent["body"])


def exchanged(library, task):
    webhook = library.Webhook(task["secret"])
    return {
        "verified": [verified(webhook, sent) for sent in task["verify"]],
        "signed": [signed(webhook, sent) for sent in task["sign"]],
    }


task = json.load(sys.stdin)
libraries = {"standardwebhooks": standardwebhooks.webhooks, "svix": svix.webhooks}
print(json.dumps({name: exchanged(library, task) for name, library in libraries.items()}))
