"""For each text on standard input: the reference's signature, and whether it accepts ours, of this text and of another."""

import json
import os
import sys

from huace_aigc_auth_client.legacy_adapter import WebhookSender, create_sync_config
from huace_aigc_auth_client.webhook import verify_webhook_signature

secret = os.environ["AIGC_AUTH_WEBHOOK_SECRET"]
sender = WebhookSender(create_sync_config(webhook_url="http://unused", webhook_secret=secret))


def verdict(body, ours):
    return {
        "signature": sender.generate_signature(body),
        "accepted": verify_webhook_signature(body.encode(), ours, secret),
        "accepted_for_another": verify_webhook_signature(body.encode() + b" ", ours, secret),
    }


print(json.dumps([verdict(sent["body"], sent["signature"]) for sent in json.load(sys.stdin)]))
