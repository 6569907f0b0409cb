// What a value of a Spark row is in JavaScript: one rule a type, so that nobody has to look at a value to know its type.
//
//   boolean                          boolean
//   byte, short, integer             number
//   long                             bigint, always: whether 2^53 is passed must not change a type
//   float, double                    number
//   decimal(p,s)                     string with exactly s digits behind the point, never an exponent: "-74015.00"
//   string, char, varchar            string; bytes that are not UTF-8 read as U+FFFD, as Java reads them
//   binary                           Uint8Array, a copy
//   date                             number, days since 1970-01-01
//   timestamp, timestamp_ntz         bigint, microseconds since 1970-01-01 00:00 (UTC, or of no zone)
//   time                             bigint, nanoseconds since midnight
//   interval day … to second         bigint, microseconds
//   interval year … to month         number, months
//   interval (calendar)              { months, days, microseconds }
//   struct, and a row itself         array of the fields' values in the schema's order: names may repeat, so an object would lose some
//   array                            array
//   map                              array of [key, value] pairs, in the order they lie in
//   variant                          { value, metadata }, the two Uint8Arrays of the variant encoding
//   null of any type                 null

/** Spark's CalendarIntervalType: three parts that do not convert into each other. */
export interface CalendarInterval {
  readonly months: number
  readonly days: number
  readonly microseconds: bigint
}

/** A variant as its two byte arrays; variantToJson reads them. */
export interface VariantValue {
  readonly value: Uint8Array
  readonly metadata: Uint8Array
}

export type SparkValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | CalendarInterval
  | VariantValue
  | readonly SparkValue[]

/** A row, or a struct: one value a field. */
export type SparkRow = readonly SparkValue[]
