"""`make chaos`: every call of the path fails in every way, in turn, and nothing may be lost."""
