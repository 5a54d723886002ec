"""Every way in: HTTP, the console, the command line and the client. Imported by nobody.

A handler decodes, calls the record or the read side, and answers; it judges nothing. Begin with
`app`, then the file named for the noun you are after.
"""

VERSION = "0.1.0"
"""This release, as pyproject.toml says too."""
