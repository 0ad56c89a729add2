"""Serves the FastAPI app of the Python file that APP names, such as the one of a guide."""

import os
import runpy

from serving import serve

serve(runpy.run_path(os.environ["APP"])["app"])
