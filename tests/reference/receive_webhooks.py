"""The reference's FastAPI router, which takes its secret from AIGC_AUTH_WEBHOOK_SECRET; answers what its handler saw."""

from fastapi import APIRouter, FastAPI

from huace_aigc_auth_client.webhook import register_webhook_router
from serving import serve

seen = 0


async def handler(event):
    global seen
    seen += 1
    return {"seen": seen, "event": event}


router = APIRouter()
register_webhook_router(router, handler)
app = FastAPI()
app.include_router(router)
serve(app)
