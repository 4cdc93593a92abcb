"""Runner and command line: notebooks are files here, never imports."""
