"""Writes ring-v1.csv, from the definitions in README.md and nothing else.

    python3 make.py > ring-v1.csv

Needs Python 3.9 and no packages. `make.py check` compares the hash here with the `xxhash` package.
"""

import functools
import hashlib
import re
import struct
import sys

MASK = (1 << 64) - 1

# ---- XXH3, 64 bits, seed 0 ----

P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P64_1, P64_2, P64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P64_4, P64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
MX1, MX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)


def u32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def u64(data, at):
    return struct.unpack_from("<Q", data, at)[0]


def fold(a, b):
    product = a * b
    return (product & MASK) ^ (product >> 64)


def swap64(x):
    return int.from_bytes(x.to_bytes(8, "little"), "big")


def rotate(x, by):
    return ((x << by) | (x >> (64 - by))) & MASK


def avalanche(h):
    h ^= h >> 37
    h = h * MX1 & MASK
    return h ^ (h >> 32)


def avalanche64(h):
    h ^= h >> 33
    h = h * P64_2 & MASK
    h ^= h >> 29
    h = h * P64_3 & MASK
    return h ^ (h >> 32)


def mix16(data, at, secret):
    low = u64(data, at) ^ u64(SECRET, secret)
    return fold(low, u64(data, at + 8) ^ u64(SECRET, secret + 8))


def xxh3(data):
    n = len(data)
    if n == 0:
        return avalanche64(u64(SECRET, 56) ^ u64(SECRET, 64))
    if n <= 3:
        word = data[0] << 16 | data[n >> 1] << 24 | data[n - 1] | n << 8
        return avalanche64(word ^ u32(SECRET, 0) ^ u32(SECRET, 4))
    if n <= 8:
        word = u32(data, n - 4) | u32(data, 0) << 32
        h = word ^ u64(SECRET, 8) ^ u64(SECRET, 16)
        h ^= rotate(h, 49) ^ rotate(h, 24)
        h = h * MX2 & MASK
        h ^= (h >> 35) + n
        h = h * MX2 & MASK
        return h ^ (h >> 28)
    if n <= 16:
        low = u64(data, 0) ^ u64(SECRET, 24) ^ u64(SECRET, 32)
        high = u64(data, n - 8) ^ u64(SECRET, 40) ^ u64(SECRET, 48)
        return avalanche((n + swap64(low) + high + fold(low, high)) & MASK)
    if n <= 128:
        h = n * P64_1
        for i in range((n - 1) // 32, -1, -1):
            h += mix16(data, 16 * i, 32 * i) + mix16(data, n - 16 * (i + 1), 32 * i + 16)
        return avalanche(h & MASK)
    if n <= 240:
        h = n * P64_1
        for i in range(8):
            h += mix16(data, 16 * i, 16 * i)
        h = avalanche(h & MASK)
        for i in range(8, n // 16):
            h += mix16(data, 16 * i, 16 * (i - 8) + 3)
        h += mix16(data, n - 16, 136 - 17)
        return avalanche(h & MASK)
    return xxh3_long(data)


def xxh3_long(data):
    n = len(data)
    acc = [P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1]

    def accumulate(at, secret):
        for i in range(8):
            value = u64(data, at + 8 * i)
            key = value ^ u64(SECRET, secret + 8 * i)
            acc[i ^ 1] = (acc[i ^ 1] + value) & MASK
            acc[i] = (acc[i] + (key & 0xFFFFFFFF) * (key >> 32)) & MASK

    stripes = (len(SECRET) - 64) // 8
    block = 64 * stripes
    blocks = (n - 1) // block
    for b in range(blocks):
        for s in range(stripes):
            accumulate(b * block + 64 * s, 8 * s)
        for i in range(8):
            a = acc[i]
            a = a ^ (a >> 47) ^ u64(SECRET, len(SECRET) - 64 + 8 * i)
            acc[i] = a * P32_1 & MASK
    for s in range((n - 1 - block * blocks) // 64):
        accumulate(blocks * block + 64 * s, 8 * s)
    accumulate(n - 64, len(SECRET) - 64 - 7)
    h = n * P64_1
    for i in range(4):
        low = acc[2 * i] ^ u64(SECRET, 11 + 16 * i)
        h += fold(low, acc[2 * i + 1] ^ u64(SECRET, 11 + 16 * i + 8))
    return avalanche(h & MASK)


# ---- what the algorithms share ----

STEP = 0x9E3779B97F4A7C15


def mix(x):
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


@functools.cache
def number(name, turn):
    return mix((xxh3(name) + STEP * (turn + 1)) & MASK)


def shard_order(name):
    """Names with -NUMBER, at the end or before the first dot, come last, as people count."""
    for form in rb"(.*)-(0|[1-9][0-9]*)()", rb"([^.]*)-(0|[1-9][0-9]*)([.].*)":
        found = re.fullmatch(form, name, re.DOTALL)
        if found and int(found[2]) < 1 << 32:
            return (1, found[1], int(found[2]), found[3])
    return (0, name, 0, b"")


# ---- the algorithms: sorted names and a key, to names in order of preference ----


def rendezvous(names, key):
    h = xxh3(key)
    return sorted(names, key=lambda name: -fold(h ^ number(name, 0), STEP))  # stable


def along(points, position, names):
    """`points` are (point, name), sorted; from the first with point >= position on."""
    start = next((i for i, (point, _) in enumerate(points) if point >= position), 0)
    found = []
    for _, name in points[start:] + points[:start]:
        if name not in found:
            found.append(name)
    assert len(found) == len(names)
    return found


def ring(names, key):
    points = [(number(name, turn) >> 32, name) for name in names for turn in range(256)]
    points.sort(key=lambda point: point[0])  # stable: the earlier name first
    return along(points, xxh3(key) >> 32, names)


SLOTS = 65537
tables = {}


def table(names):
    if names not in tables:
        slots = [None] * SLOTS
        at = [number(name, 0) % SLOTS for name in names]
        step = [number(name, 1) % (SLOTS - 1) + 1 for name in names]
        for turn in range(SLOTS):
            i = turn % len(names)
            while slots[at[i]] is not None:
                at[i] = (at[i] + step[i]) % SLOTS
            slots[at[i]] = names[i]
        tables[names] = slots
    return tables[names]


def maglev(names, key):
    slot = xxh3(key) % SLOTS
    found = [table(names)[slot]]
    rest = tuple(name for name in names if name not in found)
    if rest:
        found.append(table(rest)[slot])
    return found + [name for name in rendezvous(names, key) if name not in found]


def modulo(names, key):
    rest, found = list(names), []
    while rest:
        found.append(rest.pop(xxh3(key) % len(rest)))
    return found


def metaparticle_v1(names, key):
    points = []
    for name in reversed(names):  # of two names at one point the later one counts
        for turn in range(40):
            digest = hashlib.md5(b"%s-%d" % (name, turn)).digest()
            points += [(u32(digest, 4 * i), name) for i in range(3)]
    points.sort(key=lambda point: point[0])
    return along(points, u32(hashlib.md5(key).digest(), 0) + 1, names)


# ---- the file ----

ALGORITHMS = {
    "rendezvous": rendezvous,
    "ring": ring,
    "maglev": maglev,
    "modulo": modulo,
    "metaparticle-v1": metaparticle_v1,
}
SETS = [f"users-{{0..{n - 1}}}" for n in (1, 3, 5, 10, 50)] + [
    "server-{0..2}.server:8080",
    "server-{0..11}.server:8080",
    "b-10 %C3%BC b-2 cache.eu a a-b b-02",
]
KEYS = [
    b"", b"0", b"a", b"jim", b"jane", b"user/42/", b"/users/jim/x", b"/shard/users/user7",
    b"users-1", b"users-0-0", b"server-1.server:8080-7", "ключ".encode(), "東京/🚲".encode(),
    b"\0", b"\xff\xfe\0\r\n,\" %", b"/long/" + b"abcdefghij" * 30,
]  # fmt: skip
# Two names at one point, and a key that it is next to.
SHARED_POINTS = [("metaparticle-v1", "s-257 s-677", b"key372"), ("ring", "s-128 s-428", b"key262")]
LENGTHS = [*range(18), 31, 32, 33, 64, 65, 96, 97, 127, 128, 129, 143, 144, 145, 239, 240, 241, 255,
           256, 257, 511, 512, 513, 1023, 1024, 1025, 1088, 1089, 2048, 2049, 3000]  # fmt: skip


def pattern(length):
    return bytes(97 + i * i % 26 for i in range(length))


def write(data):
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/:"
    return "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in data)


def read(text):
    return re.sub(rb"%(..)", lambda found: bytes([int(found[1], 16)]), text.encode())


def names_of(shards):
    found = re.fullmatch(r"(.*)\{0\.\.(\d+)\}(.*)", shards)
    if found:
        words = [f"{found[1]}{i}{found[3]}" for i in range(int(found[2]) + 1)]
    else:
        words = shards.split()
    return tuple(sorted(map(read, words), key=shard_order))


def main():
    print("algorithm,shards,key,candidates")
    for key in [pattern(length) for length in LENGTHS] + [bytes(range(256)), *KEYS]:
        print(f"hash,,{write(key)},{xxh3(key):016x}")
    rows = [(algorithm, shards, key) for algorithm in ALGORITHMS for shards in SETS for key in KEYS]
    for algorithm, shards, key in rows + SHARED_POINTS:
        found = ALGORITHMS[algorithm](names_of(shards), key)[:3]
        print(f"{algorithm},{shards},{write(key)},{' '.join(map(write, found))}")


def check():
    import xxhash

    for length in range(5000):
        data = bytes((i * 131 + length * 7 + (i >> 8)) % 256 for i in range(length))
        assert xxh3(data) == xxhash.xxh3_64_intdigest(data), length
    print("all lengths below 5000 agree")


if __name__ == "__main__":
    check() if sys.argv[1:] == ["check"] else main()
