"""A service as the reference SDK's README has it, with usage records, which are on by default: `/me` is the user."""

import dataclasses
import os
import pathlib
import sys

from fastapi import FastAPI, Request
from huace_aigc_auth_client import AigcAuthClient, AuthMiddleware

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "tests" / "reference"))
from serving import serve

client = AigcAuthClient(
    app_id=os.environ["AIGC_AUTH_APP_ID"],
    app_secret=os.environ["AIGC_AUTH_APP_SECRET"],
    base_url=os.environ["AIGC_AUTH_BASE_URL"],
    auto_register_service=False,
)
app = FastAPI()
app.add_middleware(AuthMiddleware(client).get_fastapi_middleware_class())


@app.get("/me")
async def me(request: Request):
    return dataclasses.asdict(request.state.user_info)


# Without a line in a log for each request: the other side writes none either.
serve(app, access_log=False)
