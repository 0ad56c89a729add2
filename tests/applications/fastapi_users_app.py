"""FastAPI-Users with UUIDs in the SQLite of that name.

Makes it, with ann in it. Then answers each line, [email, password], with yes or no.
"""

import asyncio
import json
import sys
import uuid

from fastapi.security import OAuth2PasswordRequestForm
from fastapi_users import BaseUserManager, UUIDIDMixin, schemas
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    pass


class Manager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    pass


async def create(engine):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        manager = Manager(SQLAlchemyUserDatabase(session, User))
        await manager.create(schemas.BaseUserCreate(email="ann@example.com", password="secret of ann"))


async def log_in(engine, email, password):
    async with AsyncSession(engine) as session:
        manager = Manager(SQLAlchemyUserDatabase(session, User))
        user = await manager.authenticate(OAuth2PasswordRequestForm(username=email, password=password))
        # As its log-in route does.
        return "yes" if user is not None and user.is_active else "no"


async def main(database):
    engine = create_async_engine(f"sqlite+aiosqlite:///{database}")
    await create(engine)
    # Nothing else is to run while it waits.
    for line in sys.stdin:
        print(await log_in(engine, *json.loads(line)), flush=True)
    await engine.dispose()


asyncio.run(main(*sys.argv[1:]))
