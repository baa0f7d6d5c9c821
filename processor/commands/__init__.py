"""The commands of `img-pipeline`, a module each. What a command needs is loaded when it runs."""
