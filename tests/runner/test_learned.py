"""What a device's own description tells reaches its entry, so that reports and logins know the model."""

from types import SimpleNamespace

from probe.model import event as ev
from probe.model.evidence import Coverage
from probe.model.observation import Announced
from probe.runner.runner import Runner

from .conftest import DEVICE, open_journal

TRIED = Coverage(tried="asked", times=1, deadline_s=1.0)


def test_a_upnp_description_is_handed_to_discovery(tmp_path, plan):
    journal = open_journal(tmp_path, plan)
    journal.append(ev.DeviceSeen(device=DEVICE))
    runner = Runner(journal, None)
    told = []
    runner._discovery = SimpleNamespace(learned=lambda device, said: told.append((device, said)))
    said = Announced(via="upnp", name="", kind="", port=80, attributes=(("modelName", "R2"),))
    for fact in (said, Announced(via="mdns", name="x", kind="_http._tcp", port=80)):
        runner.recorder.observe_fact("upnp", DEVICE.id, fact, TRIED)
    runner._changed(DEVICE.id)
    assert told == [(DEVICE.id, said)]
