"""Flask-AppBuilder's users in SQLite: `create DATABASE`, `login DATABASE USERNAME PASSWORD`."""

import logging
import sys

from flask import Flask
from flask_appbuilder import AppBuilder
from flask_appbuilder.utils.legacy import get_sqla_class

logging.disable(logging.CRITICAL)
command, database = sys.argv[1:3]
app = Flask(__name__)
app.config.update(
    SQLALCHEMY_DATABASE_URI=f"sqlite:///{database}",
    SECRET_KEY="of this test",
    AUTH_ROLE_PUBLIC="Public",
)
db = get_sqla_class()()
with app.app_context():
    db.init_app(app)
    builder = AppBuilder(app, db.session)
    if command == "create":
        builder.sm.add_user(
            "ann", "Ann", "Example", "ann@example.com", builder.sm.find_role("Admin"), password="secret of ann"
        )
    else:
        username, password = sys.argv[3:]
        try:
            print("yes" if builder.sm.auth_user_db(username, password) else "no")
        except ValueError as error:
            print(f"error: {error}")
