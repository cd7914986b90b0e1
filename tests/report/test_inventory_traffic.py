"""What a report tells of watched traffic: also what was not looked at."""

from probe.model.device import Device
from probe.model.dut import Dut
from probe.model.evidence import Coverage
from probe.model.ids import DeviceId
from probe.model.observation import Observation, TrafficView
from probe.report.inventory import inventory

LAMP = Device(id=DeviceId("ip-198.51.100.11"), addresses=("198.51.100.11",))


def told(**more: int) -> str:
    fact = TrafficView(
        position="mirror", seconds=60.0, frames_of_others=9, bytes_of_others=900, **more
    )
    tried = Coverage(tried="listening", times=1, deadline_s=60.0)
    seen = Observation(
        id="traffic/x#1", device=LAMP.id, collector="traffic", at=1.0, fact=fact, proof=(tried,)
    )
    tables = {t.id: t for t in inventory(Dut(LAMP, [seen]), secrets=False)}
    [row] = tables["traffic"].rows
    return row[2]


def test_what_was_not_looked_at_is_told_beside_what_was() -> None:
    assert told() == "9 frames, 900 bytes of others"
    assert told(unread=3).endswith("; 3 conversations not read to their end")
    assert told(lost_frames=7).endswith("; 7 frames on the link came too fast to be looked at")
