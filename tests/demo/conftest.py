"""The page needs Gradio (pip install '.[demo]'); without it there is nothing here to test."""

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("gradio") else ["test_*.py"]
