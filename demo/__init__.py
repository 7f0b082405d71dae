"""The pages a person sees: everything about buttons, uploads and wording."""

import os

# Gradio reads this when it is imported: nothing that happens on the page is reported to anyone.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
# Threads that wait for work by spinning take the cores from those that have some: on two busy cores
# a conversion of four seconds took 5 s instead of 0.4 s. Read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
