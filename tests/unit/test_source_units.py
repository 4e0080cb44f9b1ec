import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.source import Rejected
from simulator.source.units import parse_bandwidth, parse_frequency, parse_size


@pytest.mark.parametrize(
    ("text", "hertz"),
    [("200 MHz", 200_000_000), ("1.5 GHz", 1_500_000_000), ("32kHz", 32_000), (" 60  MHz ", 60_000_000)],
)
def test_a_frequency_is_in_hertz(text: str, hertz: int):
    assert parse_frequency(text) == hertz


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("108 KiB", 110_592), ("128 KB", 128_000), ("1 MiB", 1_048_576), ("64 B", 64), ("0.5 KiB", 512)],
)
def test_decimal_and_binary_sizes_are_told_apart(text: str, size_bytes: int):
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    ("text", "bytes_per_second"),
    [("480 MB/s", 480_000_000), ("16 GB/s", 16_000_000_000), ("25.6 GB/s", 25_600_000_000), ("1 GiB/s", 2**30)],
)
def test_a_bandwidth_is_in_bytes_a_second(text: str, bytes_per_second: int):
    assert parse_bandwidth(text) == bytes_per_second


@given(st.integers(1, 10**9), st.sampled_from(["B", "KB", "MB", "KiB", "MiB"]))
def test_a_size_is_exact_however_large(number: int, unit: str):
    factor = {"B": 1, "KB": 1000, "MB": 1000**2, "KiB": 1024, "MiB": 1024**2}[unit]
    assert parse_size(f"{number} {unit}") == number * factor


@pytest.mark.parametrize("value", [200, 2.5, True, None, [], {}, "", "fast", "MHz", "200", "1e3 MHz", "2 M Hz"])
def test_what_is_not_a_number_with_a_unit_is_refused(value: object):
    with pytest.raises(Rejected) as caught:
        parse_frequency(value)
    assert "200 MHz" in str(caught.value.expected)


@pytest.mark.parametrize(
    ("text", "suggestion"), [("200 mhz", "200 MHz"), ("200 MHZ", "200 MHz"), ("3 parsec", None), ("16 GB/s", None)]
)
def test_a_unit_close_to_a_known_one_is_suggested(text: str, suggestion: str | None):
    with pytest.raises(Rejected) as caught:
        parse_frequency(text)
    assert caught.value.suggestion == suggestion


@pytest.mark.parametrize("text", ["0 B", "-1 KiB", "0.3 B", "99999999999 GB"])
def test_a_size_is_a_positive_whole_number_of_bytes(text: str):
    with pytest.raises(Rejected, match="out of range"):
        parse_size(text)
