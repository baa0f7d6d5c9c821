"""`make demo`: the pipeline on an embedded emulator, with real photos and a page to look at."""
