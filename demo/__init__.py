"""The pages a person sees: everything about buttons, uploads and wording."""

import os

# Gradio reads this when it is imported: nothing that happens on the page is reported to anyone.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
