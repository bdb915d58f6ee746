"""People stand straight on average, breathe in, and differ."""

import numpy as np
import pytest
import torch

from virtual_hospital.anatomy import REGIONS
from virtual_hospital.body import BREATH, Body, to_scan
from virtual_hospital.radiograph import FIELD, rays, shadows

PEOPLE = 16
RIBS_BEHIND = {8: 17.0, 9: -14.0, 10: -45.0}  # mm z at x = -75, from the CT's labels
DOME = (-72.0, 10.0, -4.0)  # mm, top of the right dome in the CT


def _people(view="PA"):
    rng = np.random.default_rng(5)
    return [Body.random(rng, sex, view) for sex in "FM" * (PEOPLE // 2)]


def _regions(anatomy, body, size=160):
    grid = rays(body, "PA", 1830, FIELD, size=size, shape=anatomy.hu.shape)
    masks = shadows(grid[:, ::2], anatomy.regions).numpy()
    return dict(zip(REGIONS, masks, strict=True))


def _turned(regions) -> float:
    """How far, in mm, the middle of the inner ends of the collarbones lies from the spine."""
    right = np.argwhere(regions["right_clavicle"])
    left = np.argwhere(regions["left_clavicle"])
    inner = (right[:, 1].max() + left[:, 1].min()) / 2
    level = int(right[right[:, 1].argmax(), 0])
    spine = np.argwhere(regions["spine"][level - 4 : level + 5])[:, 1].mean()
    return (inner - spine) * FIELD / regions["spine"].shape[0]


def test_the_mean_film_is_straight_and_films_differ(chest_of_all):
    turned = [_turned(_regions(chest_of_all, body)) for body in _people()]
    assert abs(np.mean(turned)) < 4
    assert np.std(turned) > 1.5


def test_an_average_person_is_the_scanned_one_made_straight():
    middle = to_scan(torch.tensor([[0.0, -60.0, 150.0], [0.0, -60.0, 0.0]]), Body())
    rise, reach = (middle[0] - middle[1])[[2, 0]]
    assert float(rise) == pytest.approx(150, abs=1)
    assert float(reach) == pytest.approx(-13, abs=3), "the scanned chest leans"


def test_the_tilt_of_the_spine_is_undone(chest_of_all):
    spine = np.argwhere(_regions(chest_of_all, Body())["spine"])
    slope = np.polyfit(spine[:, 0], spine[:, 1], 1)[0]
    assert abs(np.degrees(np.arctan(slope))) < 2.5


def _height(body, x, y, wanted) -> float:
    """Height (mm) at which a person has what lies at a height in the scan."""
    z = torch.arange(-160.0, 160.0)
    points = torch.stack([torch.full_like(z, x), torch.full_like(z, y), z], -1)
    return float(np.interp(wanted, to_scan(points, body)[:, 2].numpy(), z.numpy()))


def test_the_right_dome_stands_between_the_ninth_and_the_tenth_rib(chest_of_all):
    domes, ninth, tenth = [], [], []
    for body in _people():
        domes.append(_height(body, *DOME))
        ninth.append(_height(body, -75, -85, RIBS_BEHIND[9]))
        tenth.append(_height(body, -75, -85, RIBS_BEHIND[10]))
    share = (np.mean(ninth) - np.mean(domes)) / (np.mean(ninth) - np.mean(tenth))
    assert 0 < share < 1
    assert np.std(domes) > 4


def test_in_bed_the_breath_is_shallower_and_the_turns_wider():
    domes = {view: np.mean([b.raised["right"] for b in _people(view)]) for view in BREATH}
    turns = {view: np.std([b.turn[0] for b in _people(view)]) for view in BREATH}
    assert domes["AP"] > domes["PA"] + 3
    assert turns["AP"] > turns["PA"]


def test_women_have_more_breast_tissue_and_it_stays_on_another_day():
    people = _people()
    women, men = (np.mean([b.breasts for b in people[k::2]]) for k in (0, 1))
    assert women > 1.5 * men
    again = people[0].again(np.random.default_rng(1), "AP")
    assert (again.breasts, again.wall, again.size) == (
        people[0].breasts,
        people[0].wall,
        people[0].size,
    )
    assert again.arms != people[0].arms


def test_a_thick_wall_leaves_the_chest_as_it_is():
    points = torch.tensor([[-60.0, 0.0, 0.0], [-140.0, 0.0, 0.0]])
    thin, thick = to_scan(points, Body()), to_scan(points, Body(wall=2.0))
    assert torch.allclose(thin[0], thick[0])
    assert float(thick[1, 0]) == pytest.approx(float(thin[1, 0]) + 13, abs=0.5)
