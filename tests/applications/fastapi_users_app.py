"""FastAPI-Users with UUIDs in SQLite: `create DATABASE`, `login DATABASE EMAIL PASSWORD`."""

import asyncio
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


async def main(command, database, *credentials):
    engine = create_async_engine(f"sqlite+aiosqlite:///{database}")
    async with AsyncSession(engine) as session:
        manager = Manager(SQLAlchemyUserDatabase(session, User))
        if command == "create":
            async with engine.begin() as connection:
                await connection.run_sync(Base.metadata.create_all)
            await manager.create(schemas.BaseUserCreate(email="ann@example.com", password="secret of ann"))
            return
        email, password = credentials
        form = OAuth2PasswordRequestForm(username=email, password=password)
        user = await manager.authenticate(form)
        # As its log-in route does.
        print("yes" if user is not None and user.is_active else "no")
    await engine.dispose()


asyncio.run(main(*sys.argv[1:]))
