"""MurmurHash3_x64_128 with seed 0, of which a sketch keeps the first half (hll_hash_text): Austin Appleby's, written
after his reference in smhasher."""
import functools

MASK = 2**64 - 1
C1, C2 = 0x87c37b91114253d5, 0x4cf5ad432745937f


def turned(number, bits):
    return (number << bits | number >> (64 - bits)) & MASK


def mixed(number):
    number = (number ^ number >> 33) * 0xff51afd7ed558ccd & MASK
    number = (number ^ number >> 33) * 0xc4ceb9fe1a85ec53 & MASK
    return number ^ number >> 33


def murmur3(data):
    """Both halves, as one pair of numbers."""
    one = two = 0
    whole = len(data) // 16 * 16
    for at in range(0, whole, 16):
        first, second = int.from_bytes(data[at:at + 8], "little"), int.from_bytes(data[at + 8:at + 16], "little")
        one ^= turned(first * C1 & MASK, 31) * C2 & MASK
        one = ((turned(one, 27) + two) * 5 + 0x52dce729) & MASK
        two ^= turned(second * C2 & MASK, 33) * C1 & MASK
        two = ((turned(two, 31) + one) * 5 + 0x38495ab5) & MASK
    first, second = int.from_bytes(data[whole:whole + 8], "little"), int.from_bytes(data[whole + 8:], "little")
    two ^= turned(second * C2 & MASK, 33) * C1 & MASK
    one ^= turned(first * C1 & MASK, 31) * C2 & MASK
    one, two = one ^ len(data), two ^ len(data)
    one = (one + two) & MASK
    two = (two + one) & MASK
    one, two = mixed(one), mixed(two)
    one = (one + two) & MASK
    return one, (two + one) & MASK


@functools.cache
def sketch_element(user):
    """As an explicit sketch stores it."""
    return murmur3(user.encode())[0].to_bytes(8, "big")
