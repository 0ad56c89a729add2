"""Makes the calls on standard input by the reference client; prints what each returned, or the code it failed with.

PYTHONPATH says which version; a method that it does not have is "missing".
"""

import dataclasses
import json
import os
import sys

from huace_aigc_auth_client import AigcAuthClient, AigcAuthError

client = AigcAuthClient(
    os.environ["APP_ID"], "test-secret", base_url=os.environ["AUTH_CENTER_URL"], auto_register_service=False
)


def plain(value):
    if dataclasses.is_dataclass(value):
        return dataclasses.asdict(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def returned(method, positional, named):
    if not hasattr(client, method):
        return "missing"
    # Each call is to reach the auth center.
    client.clear_cache()
    try:
        return {"ok": plain(getattr(client, method)(*positional, **named))}
    except AigcAuthError as error:
        return {"code": error.code}
    except Exception as error:
        return {"raised": type(error).__name__}


print(json.dumps([returned(call["method"], call.get("args", []), call.get("named", {})) for call in json.load(sys.stdin)]))
