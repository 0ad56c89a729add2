"""Pushes users to the center at AUTH_CENTER_URL as the reference's manual shows; prints its results and the time.

USERS says how many; in each ROUND they are others.
"""

import asyncio
import json
import logging
import os
import time

from huace_aigc_auth_client import AigcAuthClient
from huace_aigc_auth_client.legacy_adapter import (
    LegacySystemAdapter,
    LegacyUserData,
    UserSyncService,
    create_sync_config,
)

logging.basicConfig(level=logging.WARNING)


class Generated(LegacySystemAdapter):
    async def get_user_by_username_async(self, username):
        return None

    async def _create_user_async(self, user_data):
        return None

    async def _update_user_async(self, username, user_data):
        return False

    async def _delete_user_async(self, username):
        return False

    async def get_all_users_async(self):
        return [
            LegacyUserData(
                {
                    "username": f"reference-{os.environ['ROUND']}-{number}",
                    "email": f"reference-{number}@example.com",
                    "nickname": f"用户 {number}",
                    "phone": f"138{number:08}",
                    "company": "Example Inc.",
                    "department": f"Department {number % 50}",
                }
            )
            for number in range(int(os.environ["USERS"]))
        ]


client = AigcAuthClient("test-app", "test-secret", base_url=os.environ["AUTH_CENTER_URL"])
service = UserSyncService(client, Generated(create_sync_config(unified_password="first password"), client))
started = time.monotonic()
results = asyncio.run(service.batch_sync_to_auth_async())
results["seconds"] = time.monotonic() - started
print(json.dumps(results))
