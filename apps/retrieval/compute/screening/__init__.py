"""Which images are no single picture: figures of several panels, drawn illustrations."""
