"""Makes the calls on standard input by the reference's clients; prints how each was answered. Reports go to STATS_URL."""

import json
import os
import sys
import time

import huace_aigc_auth_client as reference

asked = json.load(sys.stdin)
# Each record by itself and at once: what is queued when it stops, it may forget.
collector = reference.init_api_stats_collector(
    api_url=os.environ["STATS_URL"], app_id="hunter-app", app_secret="hunter-secret", batch_size=1
)
reference.set_request_context(**asked["context"])
answers = []
for call in asked["calls"]:
    request = reference.AuthSession().request if call.pop("session") else reference.auth_request
    try:
        answers.append(request(**call).status_code)
    except Exception as error:
        answers.append(type(error).__name__)
while not collector.queue.empty():
    time.sleep(0.01)
reference.stop_api_stats_collector()
# What it logs goes to standard error.
print(json.dumps(answers))
