"""`make load`: bursts of small uploads through the queue into workers, on the embedded emulator."""
