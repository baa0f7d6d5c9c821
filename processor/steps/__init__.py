"""The steps of the pipeline, one short module each: images in, images out, nothing remembered in between."""
