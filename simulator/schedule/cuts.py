"""Cut ops into consecutive ranges, one a core, so that the range that takes longest takes least."""

from collections.abc import Sequence
from itertools import accumulate


def balanced_cuts(cycles: Sequence[int], ranges: int) -> list[tuple[int, int]]:
    """Return at most so many ranges, none empty, whose longest is as short as any; of equally good ones, the fewest.

    best[k][j] = min over i < j of max(best[k - 1][i], the sum of i to j), the longest of k ranges of the first j.

    >>> balanced_cuts([3, 1, 4, 1, 5], 2)
    [(0, 3), (3, 5)]
    """
    count, sums = len(cycles), [0, *accumulate(cycles)]
    best, cuts = list(sums), [[0] * (count + 1)]
    longest = [best[count]]
    for number in range(2, min(ranges, count) + 1):
        found, cut = [0] * (count + 1), [0] * (count + 1)
        for j in range(number, count + 1):
            cut[j] = min(range(number - 1, j), key=lambda i: max(best[i], sums[j] - sums[i]))
            found[j] = max(best[cut[j]], sums[j] - sums[cut[j]])
        best = found
        cuts.append(cut)
        longest.append(best[count])
    taken = longest.index(min(longest)) + 1
    return _ranges(cuts[:taken], count)


def _ranges(cuts: Sequence[Sequence[int]], count: int) -> list[tuple[int, int]]:
    ranges, end = list[tuple[int, int]](), count
    for cut in reversed(cuts):
        ranges.append((cut[end], end))
        end = cut[end]
    return ranges[::-1]
