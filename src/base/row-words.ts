/** Where a row lies: for those who copy it without making views of key and value. Reused from row to row. */
export interface RowWords {
  /** Key and value each begin at a whole word, in the byte order of the machine; what follows them within their last word has no meaning. */
  words: Int32Array
  keyWord: number
  /** In bytes. */
  keyLength: number
  valueWord: number
  /** In bytes. */
  valueLength: number
}

export function noRow(): RowWords {
  return { words: new Int32Array(0), keyWord: 0, keyLength: 0, valueWord: 0, valueLength: 0 }
}
