"""Sends the events on standard input by the reference's sender; prints what it said of each."""

import json
import logging
import os
import sys

from huace_aigc_auth_client.legacy_adapter import WebhookSender, create_sync_config

logging.basicConfig(level=logging.WARNING)
config = create_sync_config(
    webhook_url=os.environ["WEBHOOK_URL"],
    webhook_secret=os.environ["AIGC_AUTH_WEBHOOK_SECRET"],
)
sender = WebhookSender(config)
print(json.dumps([sender.send(sent["event"], sent["data"]) for sent in json.load(sys.stdin)]))
