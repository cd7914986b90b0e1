"""Images in the reports: a tree, its protections, its components; nothing in them is obeyed or given away."""

from dataclasses import replace

import pytest
from report_sample import MARKUP, state

from probe.model.dut import Dut
from probe.model.firmware import ImageAccount
from probe.report import FORMATS
from probe.report.firmware_summary import summary
from probe.report.firmware_tree import MOST_SAID, tree
from probe.report.viewmodel import ReportView
from probe.tui.blocks import Item
from probe.tui.pages import device_page


def test_the_tree_goes_from_bytes_to_files_and_what_is_in_them() -> None:
    (device,) = [d for d in state().devices if "11" in d]
    nodes = tree(state().dut(device))
    assert [(n.depth, n.what) for n in nodes] == [
        (0, "U-Boot FIT image"),
        (1, "squashfs"),
        (2, "file"),
        (2, "file"),
    ]
    assert nodes[0].says == ("signed, not verified",)
    assert nodes[2].says == ("account 'root': known default password",)


def test_what_the_tree_leaves_out_of_a_file_is_a_number() -> None:
    known = state()
    (device,) = [d for d in known.devices if "11" in d]
    dut = known.dut(device)
    (one, *_) = [o for o in dut.observations if isinstance(o.fact, ImageAccount)]
    more = [
        replace(one, id=f"x#{n}", fact=replace(one.fact, username=f"user{n}"))
        for n in range(2 * MOST_SAID)
    ]
    nodes = tree(Dut(dut.device, [*dut.observations, *more, *more]))
    (said,) = [n.says for n in nodes if n.name == one.fact.path]
    assert len(said) == MOST_SAID + 1
    assert said[-1] == f"and {MOST_SAID + 1} more"


@pytest.mark.parametrize("format_", sorted(FORMATS))
def test_the_password_is_masked_and_markup_stays_text(view: ReportView, format_: str) -> None:
    out = FORMATS[format_](view).decode()
    assert "Winter2018?" not in out
    if format_ == "html":
        assert MARKUP not in out
    if format_ != "junit":
        assert "squashfs" in out
        assert "RSA with 1024 bits" in out


def test_the_summary_says_what_was_not_read(view: ReportView) -> None:
    out = summary(view)
    assert max(map(len, out.splitlines())) <= 80
    one = ReportView(
        **{f: getattr(view, f) for f in view.__slots__} | {"devices": view.devices[1:2]}
    )
    assert len(summary(one).splitlines()) <= 24


def test_the_page_of_the_device_shows_layers_and_protections() -> None:
    (device,) = [d for d in state().devices if "11" in d]
    said = str(device_page(state(), device, ()))
    assert "Protection of the layers" in said
    assert "public test key" in said
    assert "not read: 0/2 data" in said
    assert any(isinstance(block, Item) for block in device_page(state(), device, ()))
