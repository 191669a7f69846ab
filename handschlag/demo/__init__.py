"""`handschlag demo`: a whole town on one machine, and the main job played in it."""
