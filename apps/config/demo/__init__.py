"""The demo study of `make run`: real photographs, real searches, no invented judgment."""
