"""Where names become objects: configuration to data, field and task, to a result."""
