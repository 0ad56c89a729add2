"""Prints what the reference client that PYTHONPATH names sends and reads: for tests/reference/newest.sh to compare.

Each known call is made against a server that answers in camelCase, then in snake_case. Methods that are not known here are
listed with their signatures.
"""

import dataclasses
import http.server
import inspect
import json
import logging
import threading

from huace_aigc_auth_client import AigcAuthClient

logging.disable(logging.CRITICAL)

USER = {
    "id": 7, "username": "alice", "nickname": "n", "email": "e", "phone": "p", "avatar": "a", "roles": ["r"],
    "permissions": ["x"], "groups": [{"id": 3, "name": "g", "code": "c"}], "department": "d", "company": "co",
    "feishuUserId": "fu", "feishuOpenId": "ou", "feishuUnionId": "on", "feishuTenantKey": "t", "isAdmin": True,
    "status": "active",
}
KEY = {
    "valid": True, "keyType": "user", "keyId": 3, "keyName": "n", "appId": None, "userId": 7, "username": "alice",
    "nickname": "n", "email": "e", "phone": "p", "avatar": "a", "isAdmin": True, "status": "active",
}
CREATED = {
    "keyId": 3, "key": "ak_x", "keyPrefix": "ak_", "keyType": "user", "userId": 7, "name": "n",
    "createdAt": "2027-01-15T08:00:00",
}
CONFIG = {"serviceId": 1, "instanceId": "i", "config": {"a": 1}, "configVersion": 2}
FEISHU = {"feishu_user_id": "fu", "feishu_open_id": "ou", "feishu_union_id": "on", "feishu_tenant_key": "t"}
SERVICE = {"name": "s", "environment": "test", "instance_id": "i", "ips": ["10.0.0.1"], "port": 80}

# Method, positional arguments, named ones, the answer's data.
CALLS = [
    ("verify_token", ["token"], {}, {"valid": True, "userId": 7, "username": "alice", "expiresAt": "2027-01-15T08:00:00"}),
    ("get_user_info", ["token"], {}, USER),
    ("check_permissions", ["token", ["x", "y"]], {}, {**USER, "results": {"x": True}}),
    ("check_permissions", ["token", ["x", "y"]], {"require_all": True}, USER),
    ("verify_access_key", ["ak_x"], {}, KEY),
    ("create_access_key", ["token", " name ", " "], {}, CREATED),
    ("batch_get_users", [["alice", "bob"]], {}, [USER]),
    ("batch_get_users", [["alice", "bob"]], {}, {"items": [USER]}),
    ("batch_get_users", [["alice", "bob"]], {}, {"users": [USER], "not_found": ["bob"]}),
    ("batch_get_users_by_ids", [[7, 8]], {}, [USER]),
    ("batch_get_users_by_ids", [[7, 8]], {}, {"users": [USER]}),
    ("list_users", [None, 1, 20], {}, {"items": [USER], "total": 1}),
    ("list_groups", [], {}, {"items": [{"id": 3, "name": "g", "code": "c", "description": "d"}]}),
    ("compare_users", [1, 2, "source", "target"], {}, {"sameUser": True}),
    ("authorize_user_by_token", [1, "source"], {}, USER),
    ("send_feishu_message", ["cli", "username", "alice", "text", {"text": "hi"}], {}, {"message_id": "om", "status": "sent"}),
    ("sync_feishu_user", [], {"username": "alice", "nickname": "n", **FEISHU}, {"id": 7}),
    ("issue_feishu_user_token", [], {"user_id": 7, "feishu_tenant_key": "t"}, {"accessToken": "x", "expiresAt": "2027"}),
    ("sync_user_to_auth", [{"username": "alice", "password": "p"}], {}, {"success": True, "created": True, "userId": 7}),
    ("batch_sync_users_to_auth", [[{"username": "alice", "password": "p"}]], {}, {"total": 1, "success": 1}),
    ("register_webhook", ["https://me/hook", ["user.updated"], "secret"], {}, {"webhookId": 1, "success": True}),
    ("unregister_webhook", ["1"], {}, {}),
    ("register_service", [], SERVICE, CONFIG),
    ("service_heartbeat", [], SERVICE, CONFIG),
    ("unregister_service", ["s", "test", "i"], {}, {}),
]
# Not calls, or calls of several kinds that are covered above.
OTHERS = {
    "clear_cache", "get_service_config", "get_user_info_from_header", "auto_register_from_env", "start_service",
    "stop_service", "stop_all_services",
}

answer, requests = {}, []


class Recorder(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = sorted(name for name in self.headers if name.lower().startswith(("x-", "auth")))
        requests.append([self.command, self.path, headers, body])
        reply = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


def snake(value):
    if isinstance(value, list):
        return [snake(item) for item in value]
    if isinstance(value, dict):
        return {"".join("_" + c.lower() if c.isupper() else c for c in name): snake(item) for name, item in value.items()}
    return value


def plain(value):
    if dataclasses.is_dataclass(value):
        return dataclasses.asdict(value)
    return [plain(item) for item in value] if isinstance(value, list) else value


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = AigcAuthClient("42", "secret", base_url=f"http://127.0.0.1:{server.server_port}", auto_register_service=False)
for method, positional, named, data in CALLS:
    for spelling, said in (("camelCase", data), ("snake_case", snake(data))):
        for envelope in ({"code": 0, "message": "ok", "data": said}, {"code": 400, "message": "no", "data": {"why": 1}}):
            answer.clear()
            answer.update(envelope)
            requests.clear()
            client.clear_cache()
            try:
                result = plain(getattr(client, method)(*positional, **named))
            except Exception as error:
                result = {"raised": type(error).__name__, **{k: str(v) for k, v in vars(error).items()}}
            print(method, json.dumps(named, sort_keys=True), spelling, envelope["code"])
            print("  sent", json.dumps(requests, sort_keys=True))
            print("  read", json.dumps(result, sort_keys=True))
known = {method for method, *_ in CALLS} | OTHERS
for name, function in inspect.getmembers(AigcAuthClient, inspect.isfunction):
    if not name.startswith("_") and name not in known:
        print("new method", name, inspect.signature(function))
