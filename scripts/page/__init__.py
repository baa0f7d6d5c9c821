"""What a page of pictures weighs in a browser, against the same page with the originals."""
