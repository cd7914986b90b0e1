"""A camera of GStreamer's RTSP server, to be run by the system's Python, which has its bindings.

``python3 gstreamer.py PORT open|basic|digest PASSWORD``: one stream on /stream1 for the user admin.
"""

import sys
from typing import Any


def main(port: str, way: str, password: str) -> None:
    import gi

    for name in ("Gst", "GstRtspServer", "GstRtsp"):
        gi.require_version(name, "1.0")
    from gi.repository import GLib, Gst, GstRtsp, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_service(port)
    server.set_address("127.0.0.1")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch("( audiotestsrc ! alawenc ! rtppcmapay name=pay0 pt=8 )")
    factory.set_shared(True)
    if way != "open":
        guard(way, password, server, factory, Gst, GstRtsp, GstRtspServer)
    server.get_mount_points().add_factory("/stream1", factory)
    server.attach(None)
    GLib.MainLoop().run()


def guard(
    way: str, password: str, server: Any, factory: Any, gst: Any, rtsp: Any, rtsp_server: Any
) -> None:
    auth, token = rtsp_server.RTSPAuth(), rtsp_server.RTSPToken()
    token.set_string("media.factory.role", "user")
    if way == "basic":
        auth.set_supported_methods(rtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(rtsp_server.RTSPAuth.make_basic("admin", password), token)
    else:
        auth.set_supported_methods(rtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest("admin", password, token)
    server.set_auth(auth)
    permissions = rtsp_server.RTSPPermissions()
    may = "user, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
    permissions.add_role_from_structure(gst.Structure.new_from_string(may))
    factory.set_permissions(permissions)


if __name__ == "__main__":
    main(*sys.argv[1:4])
