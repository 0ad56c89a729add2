"""Registers a service by the reference client, for each list of settings on standard input: start, a heartbeat, stop.

Prints what `start_service` returned of each, and what the environment's own registration did.
"""

import json
import os
import sys
import threading

from huace_aigc_auth_client import AigcAuthClient

client = AigcAuthClient(auto_register_service=False)


def register(settings):
    told = threading.Event()
    result = client.start_service(
        **settings, heartbeat_interval=0.01, on_config_change=lambda config, version: told.set()
    )
    assert told.wait(30), "no heartbeat"
    client.stop_service(settings["name"], settings.get("environment", "pro"))
    return {"config": result.config, "version": result.config_version, "instance_id": result.instance_id}


said = [register(settings) for settings in json.load(sys.stdin)]
if os.environ.get("AIGC_SERVICE_NAME"):
    client.auto_register_from_env()
    client.stop_all_services()
print(json.dumps(said))
