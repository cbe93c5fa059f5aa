"""What an installation downloads and how long that takes."""

from __future__ import annotations

import pytest

from CAMLocalizerLib.installation import TORCH, InstallationSize, Requirement, installation_size, requirements, sizes


def test_a_graphics_card_takes_gigabytes_and_minutes() -> None:
    size = installation_size([TORCH], "nvidia")
    assert size.download_text == "3.0 GB"
    assert size.disk_text == "6.8 GB"
    assert size.minutes == 11  # 3000 / 6 + 6800 / 40 s


def test_small_packages_are_given_in_megabytes_and_at_least_one_minute() -> None:
    size = installation_size([Requirement("tqdm")])
    assert (size.download_text, size.minutes) == ("1 MB", 1)


def test_sizes_add_up() -> None:
    parts = [installation_size([each], "other") for each in requirements()]
    whole = installation_size(requirements(), "other")
    assert whole == InstallationSize(sum(part.download_mb for part in parts), sum(part.disk_mb for part in parts))


def test_every_required_package_has_a_size() -> None:
    assert {each.name for each in requirements()} - {TORCH.name} <= set(sizes.PACKAGE_MB)


@pytest.mark.parametrize(
    ("system", "driver", "build"),
    [("Darwin", None, "darwin"), ("Linux", "/usr/bin/nvidia-smi", "nvidia"), ("Windows", None, "other")],
)
def test_the_build_is_that_of_this_computer(
    monkeypatch: pytest.MonkeyPatch, system: str, driver: str | None, build: str
) -> None:
    monkeypatch.setattr(sizes.platform, "system", lambda: system)
    monkeypatch.setattr(sizes.shutil, "which", lambda _name: driver)
    assert sizes.torch_build() == build
