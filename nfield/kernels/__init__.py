"""Hot operations, each with a plain twin that the tests compare it with."""
