"""The engines: bytes in, values out. They never wait, never log, and look at no clock."""
