"""Django's own users in SQLite: `create DATABASE`, `login DATABASE USERNAME PASSWORD`."""

import sys

import django
from django.conf import settings

command, database = sys.argv[1:3]
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

if command == "create":
    call_command("migrate", verbosity=0)
    get_user_model().objects.create_user("ann", "ann@example.com", "secret of ann")
else:
    username, password = sys.argv[3:]
    print("yes" if authenticate(username=username, password=password) else "no")
