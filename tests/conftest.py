"""What holds for every test: tools that would phone home stay silent."""

import os

# Set before anything imports them, and inherited by the commands that tests start.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DVC_NO_ANALYTICS"] = "true"
# No toy run may reach a user's own tracking server.
os.environ.pop("MLFLOW_TRACKING_URI", None)
