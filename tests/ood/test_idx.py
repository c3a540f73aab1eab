import gzip
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from idx_files import idx_bytes, write_idx

from neatfool import ExperimentError
from neatfool.ood import read_mnist
from neatfool.ood.in_distribution import read_idx

IMAGES = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28)
LABELS = np.array([7, 0, 9], np.uint8)

arrays_of_bytes = arrays(np.uint8, array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=6))
one_folder_is_enough = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@one_folder_is_enough
@given(array=arrays_of_bytes, gzipped=st.booleans())
def test_what_is_written_is_read(tmp_path, array, gzipped):
    path = tmp_path / "any name"
    path.write_bytes(gzip.compress(idx_bytes(array)) if gzipped else idx_bytes(array))
    read = read_idx(path, array.ndim)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array)


@one_folder_is_enough
@given(array=arrays_of_bytes, gzipped=st.booleans(), data=st.data())
def test_a_truncated_file_is_refused(tmp_path, array, gzipped, data):
    path = tmp_path / "cut"
    whole = gzip.compress(idx_bytes(array)) if gzipped else idx_bytes(array)
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(ExperimentError, match="cut: damaged"):
        read_idx(path, array.ndim)


@one_folder_is_enough
@given(content=st.binary(max_size=40))
def test_arbitrary_bytes_are_refused_or_read_and_never_crash(tmp_path, content):
    path = tmp_path / "noise"
    path.write_bytes(content)
    try:
        assert read_idx(path, 1).ndim == 1
    except ExperimentError as error:
        assert "noise" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("content", "dimensions"),
    [
        (idx_bytes(LABELS), 3),
        (idx_bytes(LABELS) + b"\0", 1),
        (struct.pack(">BBBBIf", 0, 0, 0x0D, 1, 1, 0.5), 1),
        (struct.pack(">BBBBIII", 0, 0, 8, 3, *[2**32 - 1] * 3), 3),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content, dimensions):
    (tmp_path / "odd").write_bytes(content)
    with pytest.raises(ExperimentError, match="odd: damaged"):
        read_idx(tmp_path / "odd", dimensions)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ExperimentError, match="gone: No such file"):
        read_idx(tmp_path / "gone", 1)


def test_a_folder_is_read_gzipped_or_not(tmp_path):
    write_idx(tmp_path, IMAGES, LABELS)
    plain = tmp_path / "t10k-images-idx3-ubyte"
    plain.with_name(plain.name + ".gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    data = read_mnist(tmp_path)
    for part in (data.training, data.test):
        np.testing.assert_array_equal(part.images, IMAGES)
        np.testing.assert_array_equal(part.labels, LABELS)


def test_the_hash_of_the_data_does_not_depend_on_compression(tmp_path):
    before = read_mnist(write_idx(tmp_path, IMAGES, LABELS)).sha256()
    for path in list(tmp_path.iterdir()):
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert read_mnist(tmp_path).sha256() == before
    other = read_mnist(write_idx(tmp_path, IMAGES, LABELS[::-1].copy())).sha256()
    assert other != before


def test_a_missing_file_of_the_four_is_named(tmp_path):
    write_idx(tmp_path, IMAGES, LABELS)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(ExperimentError, match=r"neither t10k-labels-idx1-ubyte nor .*; give"):
        read_mnist(tmp_path)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (IMAGES, LABELS[:2]),
        (IMAGES[:0], LABELS[:0]),
        (IMAGES[:, :27], LABELS),
        (IMAGES, LABELS + np.uint8(1)),
    ],
)
def test_a_folder_of_something_else_is_refused(tmp_path, images, labels):
    with pytest.raises(ExperimentError, match="MNIST's images have 28x28"):
        read_mnist(write_idx(tmp_path, images, labels))
