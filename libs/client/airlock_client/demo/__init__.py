"""`airlock demo`: the main job from nothing, on one machine, with nothing left behind."""
