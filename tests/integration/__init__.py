"""What opens sockets or starts processes: the real nats-server, real HTTP, the commands."""
