// How a record lies in an arena segment. Only this file and record.ts know; everything else asks the functions there or uses the
// word offsets by name.
//
//   word 0   supersededBy  HEAD: newest of its key · DEAD: free space · else the sequence of the record that replaced it
//   word 1   sequence      when it was written (free space: how many units it spans)
//   word 2   previous      reference of the record it replaced, 0 = none
//   word 3   lengths       key length << 20 | value length + 1 (0: a removal), or LONG: the next two words hold them (value −1: a removal)
//   [word 4, 5             key length, value length, only if LONG]
//   key, zeros to a whole word, value, padding to a whole unit
//
// Words are int32, native byte order (the arena never leaves the process). A unit is 8 bytes. A reader at sequence q sees a record if
// sequence <= q < supersededBy and it is no removal. A record replaced at or below the arena's floor is free space as well. INVARIANT: a segment is always fully covered by records and free spans, so whoever
// walks it from unit 0 in steps of recordUnits() meets every record. A free span may be a single unit: only words 0 and 1 are its own.
//
// Why supersededBy lies in the record: the writer has just compared the old record's key, so its cache line is warm; a bitmap and lists
// per segment beside it would cost another cache miss for each update, and iteration would have to sort what this order gives for free.

export const SUPERSEDED_BY = 0
export const SEQUENCE = 1
export const PREVIOUS = 2
export const LENGTHS = 3

/** In SUPERSEDED_BY: the newest record of its key. Larger than every sequence. */
export const HEAD = 0x7fffffff
/** In SUPERSEDED_BY: free space. Smaller than every sequence. */
export const DEAD = 0

export const UNIT_BYTES = 8
export const HEADER_BYTES = 16
export const LONG_HEADER_BYTES = 24

/** In LENGTHS: the lengths follow in two words of their own. */
export const LONG = -1
export const KEY_SHIFT = 20
export const VALUE_MASK = 0xfffff
export const SHORT_KEY_BYTES_MAX = 0xffe
export const SHORT_VALUE_BYTES_MAX = VALUE_MASK - 2

/** The value length that stands for a removal. */
export const REMOVED = -1
