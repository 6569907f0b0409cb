// The keyed hash of the index: HalfSipHash-1-3, 32 bits of output.
//
// Keys come from users' data, so whoever chooses keys must not be able to choose where they land (hash flooding): an unkeyed hash, or a
// multiplicative one whose seed only permutes, lets keys be made that collide under every seed. HalfSipHash is a keyed pseudo-random
// function made for hash tables and for 32-bit arithmetic, which is the one JavaScript does fast; 1-3 is what Linux uses for its own.
// The result is an int32 (it stays a small integer in V8, so nothing is allocated).

const FINAL_ROUNDS = 3

/** Hash of the key of `length` bytes that lies in whole words from words[at] on, filled up with zeros, under the 64-bit key (k0, k1), as int32. */
export function keyHash(
  k0: number,
  k1: number,
  words: Int32Array,
  at: number,
  length: number,
): number {
  let v0 = k0 | 0
  let v1 = k1 | 0
  let v2 = 0x6c796765 ^ k0
  let v3 = 0x74656462 ^ k1
  const wholeWords = length >>> 2
  const rounds = wholeWords + 1 + FINAL_ROUNDS
  // Message words, the last word and the final rounds share one loop, so that the round stands here once; a word of 0 changes nothing.
  for (let round = 0; round < rounds; round++) {
    let word = 0
    if (round < wholeWords) {
      word = words[at + round]
    } else if (round === wholeWords) {
      word = length << 24
      if ((length & 3) !== 0) word |= words[at + round]
    } else if (round === wholeWords + 1) {
      v2 ^= 0xff
    }
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = (v1 << 5) | (v1 >>> 27)
    v1 ^= v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = (v3 << 8) | (v3 >>> 24)
    v3 ^= v2
    v0 = (v0 + v3) | 0
    v3 = (v3 << 7) | (v3 >>> 25)
    v3 ^= v0
    v2 = (v2 + v1) | 0
    v1 = (v1 << 13) | (v1 >>> 19)
    v1 ^= v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  return v1 ^ v3
}
