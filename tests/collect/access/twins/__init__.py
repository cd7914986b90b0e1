"""Stand-ins of devices with known behaviour, each module with ``serve`` and a table of its twins.

Each can be started on its own, to be asked by another tool: ``python tests/collect/access/twins/FILE.py
NAME [PORT]`` prints the port and serves until it is interrupted; without a name it lists the names.

``auth`` (HTTP basic and digest), ``pages`` (forms), ``spa`` (logins by JSON), ``onvif``, ``cwmp``, ``rtsp``.
``talks`` has those of VNC and Redis, ``locking`` Telnet, FTP, HTTP and SSH with accounts in common that lock;
``gstreamer`` is a genuine RTSP server.
"""
