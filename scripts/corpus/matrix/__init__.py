"""The matrix: small pictures of every format, mode, depth, extra part and kind of damage, made here by many tools."""
