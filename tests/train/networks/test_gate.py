"""The gate for absent sources: silences them, gives their part away, does not heed how a recording is cut."""

import torch

from soli.train.networks.gate import gated


def test_an_absent_source_is_silenced_and_its_part_given_to_the_others() -> None:
    spectrum = torch.randn(1, 2, 9, 11)
    masks = torch.tensor([0.6, 0.39, 0.01])[None, :, None, None].expand(1, 3, 9, 11)
    found = gated(masks, spectrum, gate_db=-30, reach=3)
    assert (found[:, 2] == 0).all()  # -40 dB
    torch.testing.assert_close(found.sum(dim=1), torch.ones(1, 9, 11))
    torch.testing.assert_close(found[0, 0] / found[0, 1], torch.full((9, 11), 0.6 / 0.39))
    torch.testing.assert_close(gated(masks, spectrum, gate_db=-60, reach=3), masks)
    torch.testing.assert_close(gated(masks, 0 * spectrum, gate_db=-30, reach=3), masks)


def test_a_gate_opens_for_an_entry_wherever_the_recording_is_cut() -> None:
    """A source that enters in the last frames, far below a thousandth of all the energy, is heard in any part."""
    masks = torch.full((1, 2, 9, 400), 1e-4)
    masks[:, 0, :, -8:] = 0.25
    masks[:, 1] = 1 - masks[:, 0]
    spectrum = torch.ones(1, 2, 9, 400)
    whole = gated(masks, spectrum, gate_db=-30, reach=30)
    part = gated(masks[..., -100:], spectrum[..., -100:], gate_db=-30, reach=30)
    torch.testing.assert_close(whole[..., -60:], part[..., -60:])
    torch.testing.assert_close(whole[0, 0, :, -8:], masks[0, 0, :, -8:])
    assert (whole[0, 0, :, :340] == 0).all()
