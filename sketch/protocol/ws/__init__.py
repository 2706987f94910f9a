"""WebSockets, without input and output (RFC 6455, RFC 7692)."""
