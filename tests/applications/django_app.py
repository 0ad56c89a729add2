"""Django's own users in the SQLite of that name.

Makes it, with ann in it. Then answers each line, [username, password], with yes or no.
"""

import json
import sys

import django
from django.conf import settings

(database,) = sys.argv[1:]
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    PASSWORD_HASHERS=[
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.BCryptPasswordHasher",
    ],
    SECRET_KEY="of this test",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command

call_command("migrate", verbosity=0)
get_user_model().objects.create_user("ann", "ann@example.com", "secret of ann")
for line in sys.stdin:
    username, password = json.loads(line)
    print("yes" if authenticate(username=username, password=password) else "no", flush=True)
