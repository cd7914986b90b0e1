"""A scripted run over one firmware image, small for the frames, large for the figures, always hostile."""

import hashlib

from fake_run import BLOBS, HOSTILE, PSTI, T0, FakeSource

from probe.model import event as ev
from probe.model import firmware as fw
from probe.model.check import CheckInfo
from probe.model.device import image_device
from probe.model.evidence import EvidenceRef
from probe.model.fact import Fact, Observation
from probe.model.finding import Finding, violated
from probe.model.ids import CheckId, RunId
from probe.model.plan import Plan
from probe.model.run import Run, RunStatus, Scope

IMAGE = hashlib.sha256(b"image").hexdigest()
DEVICE = image_device(IMAGE, "router.bin")
HEADER, SHADOW = b"hsqs" + bytes(range(60)), b"root::1::::::\n" + HOSTILE.encode() + b"\n"
CHECK = CheckInfo(
    id=CheckId("firmware/default_accounts"),
    question="Does every account in the image need a password of its own?",
    why="Everybody has the image.",
    fix="Ship every device with a password of its own.",
    plain_risk="A stranger can take over the device.",
    severity="critical",
    effort="days",
    observes=("ImageAccount",),
    limitations=("Only files are read.",),
)


def keep(data: bytes, caption: str) -> EvidenceRef:
    digest = hashlib.sha256(data).hexdigest()
    BLOBS[digest] = ("application/octet-stream", caption, "firmware", data)
    return EvidenceRef(sha256=digest, caption=caption)


def layer(place: str, format_: str, kind: fw.LayerKind, name: str, **more: str) -> Fact:
    return fw.ImageLayer(
        image=IMAGE, place=place, format=format_, kind=kind, name=name, offset=0, size=4096, sha256=IMAGE, **more
    )  # fmt: skip


def entries(files: int, findings: int) -> list[ev.Entry]:
    """A container, what it signs, and a file system with ``files`` files of interest."""
    head, shadow = keep(HEADER, "the first bytes"), keep(SHADOW, "etc/shadow")
    facts: list[tuple[Fact, EvidenceRef]] = [
        (layer("0", "U-Boot FIT image", fw.LayerKind.UPDATE, "router.bin", version="1.2.0"), head),
        (
            fw.ImageProtection(
                image=IMAGE,
                place="0",
                format="U-Boot FIT image",
                signing=fw.Signing.UNSIGNED,
                detail="No signature is there.",
            ),
            head,
        ),
        (layer("0/0", "zImage", fw.LayerKind.BOOT, "kernel", version="5.10.1"), head),
        (layer("0/1", "squashfs", fw.LayerKind.FILE_SYSTEM, HOSTILE), head),
    ]
    names = ["etc/shadow", HOSTILE, *(f"usr/share/{n:05}.conf" for n in range(files))][:files]
    facts += [
        (
            fw.ImageAccount(
                image=IMAGE,
                place="0/1",
                path=name,
                username=HOSTILE if name == HOSTILE else "root",
                uid=0,
                state=fw.AccountState.EMPTY,
            ),
            shadow,
        )
        for name in names
    ]
    survey = fw.ImageSurvey(
        image=IMAGE, name="router.bin", size=9000, layers=3, files=files, bytes_read=9, unread=("0/2: cut short",),
    )  # fmt: skip
    facts.append((survey, head))
    events: list[ev.Event] = [
        ev.RunStarted(
            run=Run(
                id=RunId("20260921-141320-k7qd"),
                started_at=T0,
                scope=Scope(interface="", networks=()),
                plan=Plan(name="firmware", summary="", catalogues=(PSTI.id,), tcp_ports=""),
            )
        ),
        ev.DeviceSeen(device=DEVICE),
    ]
    events += [
        ev.Observed(
            observation=Observation(
                id=f"firmware/{DEVICE.id}/{IMAGE}#{n}",
                device=DEVICE.id,
                collector="firmware",
                at=T0,
                fact=fact,
                proof=(proof,),
            )
        )
        for n, (fact, proof) in enumerate(facts)
    ]
    subjects = ["layer 0", *(f"{name} in layer 0/1" for name in names)][:findings]
    events += [
        ev.Found(
            finding=Finding(
                check=CHECK.id,
                device=DEVICE.id,
                answer=violated(subject, f"No password is needed for '{HOSTILE}'.", shadow),
            )
        )
        for subject in subjects
    ]
    events += [ev.DeviceDone(device=DEVICE.id), ev.StatusChanged(status=RunStatus.FINISHED)]
    return [ev.Entry(seq=n, at=T0 + 1, event=event) for n, event in enumerate(events, 1)]


class ImageSource(FakeSource):
    def __init__(self, files: int = 12, findings: int = 4) -> None:
        super().__init__(60.0)
        self.entries = entries(files, findings)
