"""The crash exam: kill the main job wherever it can be killed, run it again, and compare every mart and page."""
