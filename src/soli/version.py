"""The version, below everything else: files of data and models record it."""

__version__ = "0.1.0"
