"""Clusters that are there are found, and make masks that sum to one; models that cluster keep soli's promises."""

from pathlib import Path

import numpy as np
import pytest

from models import RATE, cluster_model, model_info, save
from soli.dsp.levels import difference_db
from soli.errors import ModelFileError
from soli.modelfile import write_metadata
from soli.separation.chunks import Chunked
from soli.separation.clustering import cluster_masks, k_means, refined
from soli.separation.model import Model, open_model
from soli.separation.stream import StreamSeparator
from soli.types import Array


def clouds(centres: Array, each: int, spread: float, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    return np.concatenate([c + spread * rng.standard_normal((each, len(c))) for c in centres]).astype(np.float32)


def band(low_hz: float, high_hz: float, seconds: float, seed: int) -> Array:
    """Noise (1, T) between two frequencies, nothing outside, its level going up and down."""
    length = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    frequency = np.fft.rfftfreq(length, 1 / RATE)
    spectrum[(frequency < low_hz) | (frequency > high_hz)] = 0
    swell = 0.6 + 0.4 * np.sin((2 + seed) * np.arange(length) / RATE)
    return (0.1 * swell * np.fft.irfft(spectrum, length))[None].astype(np.float32)


def test_k_means_finds_the_clouds_points_were_drawn_from() -> None:
    """Independent of how it works: the centres of clouds far apart are their means, to the error of a mean."""
    truth = np.array([[0, 0, 0], [3, 0, 0], [0, 4, 0], [0, 0, 5]], np.float32)
    found = k_means(clouds(truth, 500, 0.3), 4)
    nearest = np.linalg.norm(truth[:, None] - found, axis=2).argmin(axis=1)
    assert sorted(nearest) == [0, 1, 2, 3]
    np.testing.assert_allclose(found[nearest], truth, atol=5 * 0.3 / np.sqrt(500))


def test_k_means_is_no_worse_than_scipy() -> None:
    from scipy.cluster.vq import kmeans, vq

    points = np.random.default_rng(3).uniform(size=(400, 5)).astype(np.float32)
    ours = vq(points, k_means(points, 5))[1]
    theirs = vq(points, kmeans(points, 5, rng=0)[0])[1]
    assert np.sum(ours**2) < 1.1 * np.sum(theirs**2)


def test_clusters_that_grow_from_anchors_keep_their_order() -> None:
    truth = np.eye(4, dtype=np.float32)[:3]
    points = clouds(truth[[2, 0, 1]], 300, 0.1)
    off = clouds(truth, 1, 0.3, seed=1)
    np.testing.assert_allclose(refined(points, off), truth, atol=0.05)


def test_a_cluster_without_points_stays_where_it_is() -> None:
    anchors = np.eye(3, dtype=np.float32)
    found = refined(clouds(anchors[:2], 50, 0.05), anchors)
    np.testing.assert_array_equal(found[2], anchors[2])


def test_a_silent_source_keeps_its_cluster_away_from_the_bins_of_others() -> None:
    """All bins are of the second source, widely spread: unheld, the first cluster moves in among them."""
    anchors = np.eye(6, dtype=np.float32)[:2]
    points = clouds(anchors[1:], 2000, 0.35)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    free, held = refined(points, anchors), refined(points, anchors, hold=0.1)
    assert np.linalg.norm(held[0] - anchors[0]) < 0.6 * np.linalg.norm(free[0] - anchors[0])
    embedding = points.T.reshape(6, 40, 50)
    masks = cluster_masks(embedding, np.ones((40, 50)), anchors=anchors, clusters=2)
    assert masks[0].mean() < 0.1


@pytest.mark.parametrize("anchored", [True, False])
def test_masks_sum_to_one_and_follow_the_clusters(anchored: bool) -> None:
    corners = np.eye(5, dtype=np.float32)[:3]
    owner = np.random.default_rng(0).integers(0, 3, (40, 30))
    embedding = corners[owner].transpose(2, 0, 1)
    masks = cluster_masks(embedding, np.ones(owner.shape), anchors=corners if anchored else None, clusters=3)
    assert masks.dtype == np.float32
    np.testing.assert_allclose(masks.sum(axis=0), 1, atol=1e-6)
    order = range(3) if anchored else [int(masks[:, owner == source].mean(axis=1).argmax()) for source in range(3)]
    for source, cluster in enumerate(order):
        assert masks[cluster, owner == source].min() > 0.999
        assert masks[cluster, owner != source].max() < 1e-4  # e^-10, of a centre at right angles


def test_quiet_bins_do_not_move_the_clusters() -> None:
    """Nine of ten bins lie 50 dB down and far from both clusters; with them counted the second would go there."""
    corners = np.eye(3, dtype=np.float32)
    owner = np.repeat([0, 1, 2], [50, 50, 900]).reshape(20, 50)
    embedding = corners[owner].transpose(2, 0, 1)
    quiet = np.where(owner == 2, 1e-5, 1.0).astype(np.float32)
    masks = cluster_masks(embedding, quiet, anchors=None, clusters=2)
    assert abs(masks[0, owner == 0].mean() - masks[0, owner == 1].mean()) > 0.99
    counted = cluster_masks(embedding, np.ones_like(quiet), anchors=None, clusters=2)
    assert abs(counted[0, owner == 2].mean() - counted[0, owner != 2].mean()) > 0.3


def test_too_few_bins_for_the_clusters_share_equally() -> None:
    masks = cluster_masks(np.ones((4, 1, 1), np.float32), np.ones((1, 1)), anchors=None, clusters=2)
    np.testing.assert_array_equal(masks, np.full((2, 1, 1), 0.5))


@pytest.fixture
def three_bands(tmp_path: Path) -> Model:
    return open_model(save(tmp_path, cluster_model((1000, 3000))), threads=1)


def test_planted_clusters_are_separated(three_bands: Model) -> None:
    truth = [band(100, 900, 5, 1), band(1100, 2900, 5, 2), band(3100, 7000, 5, 3)]
    stems = three_bands.separate(sum(truth))
    assert three_bands.sources == ("s0", "s1", "s2", "rest")
    for reference, stem in zip(truth, stems, strict=False):
        assert difference_db(reference, stem) < -20
    assert difference_db(sum(truth), stems[:3].sum(axis=0)) < -120


def test_clusters_without_names_are_separated_in_one_order(tmp_path: Path) -> None:
    """Seven windows, in which k-means draws its starts from other bins."""
    model = open_model(save(tmp_path, cluster_model(interchangeable=True)), threads=1)
    truth = [band(100, 1900, 10, 1), band(2100, 7000, 10, 2)]
    stems = model.separate(sum(truth))
    order = [0, 1] if difference_db(truth[0], stems[0]) < 0 else [1, 0]
    for reference, place in zip(truth, order, strict=True):
        assert difference_db(reference, stems[place]) < -20


def test_a_source_that_takes_the_rest_has_a_cluster_too(tmp_path: Path) -> None:
    model = open_model(save(tmp_path, cluster_model(sources=("voice", "noise"), rest="noise")), threads=1)
    assert (model.network.sources, model.sources) == (("voice",), ("voice", "noise"))
    truth = [band(100, 1900, 3, 1), band(2100, 7000, 3, 2)]
    for reference, stem in zip(truth, model.separate(sum(truth)), strict=True):
        assert difference_db(reference, stem) < -20


@pytest.mark.parametrize("interchangeable", [False, True])
@pytest.mark.parametrize("chunk_s", [0.4, 1.5, 4.0])
def test_cut_or_whole_is_the_same(tmp_path: Path, interchangeable: bool, chunk_s: float) -> None:
    network = open_model(save(tmp_path, cluster_model(interchangeable=interchangeable)), threads=1).network
    mixture = band(100, 7000, 11.3, 1)
    whole = network.separate(mixture)
    assert difference_db(whole, Chunked(network, chunk_s=chunk_s).separate(mixture)) < -110


def test_a_stream_at_another_rate_gives_exact_lengths(three_bands: Model) -> None:
    mixture = (0.1 * np.random.default_rng(0).standard_normal((2, 3 * 44100 + 7))).astype(np.float32)
    parts = list(
        StreamSeparator(three_bands.residual, sample_rate=44100).stream([mixture[:, :50000], mixture[:, 50000:]])
    )
    stems = np.concatenate(parts, axis=-1)
    assert stems.shape == (4, *mixture.shape)
    assert difference_db(mixture, stems.sum(axis=0)) < -100


def test_an_embedding_of_another_shape_or_without_numbers_is_refused(tmp_path: Path) -> None:
    info = cluster_info(anchors=[[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(ModelFileError, match=r"gave an array of \(1, 8, 257, \d+\); wanted \(1, 2, 257, "):
        open_model(save(tmp_path, write_metadata(cluster_model(), info))).network.separate(band(100, 900, 1, 1))
    broken = open_model(save(tmp_path, cluster_model(spread=np.nan)))
    with pytest.raises(ModelFileError, match="gave NaN or infinity"):
        broken.network.separate(band(100, 900, 1, 1))


def cluster_info(**changes: object) -> object:
    given = {"kind": "cluster", "mask": None, "sources": ("s0", "s1"), "rest": None, "window_s": 2.0, "overlap_s": 0.5}
    return model_info(**{**given, **changes})
