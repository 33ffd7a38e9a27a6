"""MurmurHash3_x64_128 with seed 0, after Austin Appleby's reference in smhasher. A sketch stores the first half of the hash
(hll_hash_text)."""
import functools

MASK = 2**64 - 1
C1, C2 = 0x87c37b91114253d5, 0x4cf5ad432745937f


def rotated(number, bits):
    return (number << bits | number >> (64 - bits)) & MASK


def mixed(number):
    number = (number ^ number >> 33) * 0xff51afd7ed558ccd & MASK
    number = (number ^ number >> 33) * 0xc4ceb9fe1a85ec53 & MASK
    return number ^ number >> 33


def murmur3(data):
    """Returns the two halves of the hash."""
    one = two = 0
    whole = len(data) // 16 * 16
    for at in range(0, whole, 16):
        first, second = int.from_bytes(data[at:at + 8], "little"), int.from_bytes(data[at + 8:at + 16], "little")
        one ^= rotated(first * C1 & MASK, 31) * C2 & MASK
        one = ((rotated(one, 27) + two) * 5 + 0x52dce729) & MASK
        two ^= rotated(second * C2 & MASK, 33) * C1 & MASK
        two = ((rotated(two, 31) + one) * 5 + 0x38495ab5) & MASK
    first, second = int.from_bytes(data[whole:whole + 8], "little"), int.from_bytes(data[whole + 8:], "little")
    two ^= rotated(second * C2 & MASK, 33) * C1 & MASK
    one ^= rotated(first * C1 & MASK, 31) * C2 & MASK
    one, two = one ^ len(data), two ^ len(data)
    one = (one + two) & MASK
    two = (two + one) & MASK
    one, two = mixed(one), mixed(two)
    one = (one + two) & MASK
    return one, (two + one) & MASK


@functools.cache
def sketch_element(user):
    """Returns the 8 bytes that an explicit sketch stores for a user."""
    return murmur3(user.encode())[0].to_bytes(8, "big")
