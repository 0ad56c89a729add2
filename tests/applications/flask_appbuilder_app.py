"""Flask-AppBuilder's users in the SQLite of that name.

Makes it, with ann in it. Then answers each line, [username, password], with yes or no, or what its log-in fails with.
"""

import json
import logging
import sys

from flask import Flask
from flask_appbuilder import AppBuilder
from flask_appbuilder.utils.legacy import get_sqla_class

logging.disable(logging.CRITICAL)
(database,) = sys.argv[1:]
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
    builder.sm.add_user("ann", "Ann", "Example", "ann@example.com", builder.sm.find_role("Admin"), password="secret of ann")


def log_in(username, password):
    # As for a request: with a session of the database of its own.
    with app.app_context():
        try:
            return "yes" if builder.sm.auth_user_db(username, password) else "no"
        except ValueError as error:
            return f"error: {error}"


for line in sys.stdin:
    print(log_in(*json.loads(line)), flush=True)
