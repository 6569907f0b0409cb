// The key and value rows of the newest version of the goldens of Spark 4.1.4, one by one, with the schemas their lines tell.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { fromHex } from '../../src/base/bytes.ts'
import { parseSchemaJson } from '../../src/codec/unsafe-row/schema-json.ts'
import type { SparkStruct } from '../../src/codec/unsafe-row/spark-type.ts'

const ROOT = join(import.meta.dirname, '../fixtures/spark-goldens/spark-4.1.4')

export interface GoldenRow {
  /** The golden: 'agg-lz4-ck1-p4-md10'. */
  readonly golden: string
  readonly storeName: string
  readonly partition: number
  readonly part: 'key' | 'value'
  readonly schema: SparkStruct
  readonly bytes: Uint8Array
}

interface StoreLine {
  readonly store: string
  readonly keySchema: object
  readonly valueSchema: object
}

interface RowLine {
  readonly p: number
  readonly k: string
  readonly v: string
}

export function* goldenRows(): Generator<GoldenRow> {
  for (const file of globSync('*.hex.jsonl.gz', { cwd: ROOT }).sort()) {
    const golden = file.replace('.hex.jsonl.gz', '')
    const lines = gunzipSync(readFileSync(join(ROOT, file)))
      .toString()
      .trim()
      .split('\n')
      .slice(1)
    let schemas: { storeName: string; key: SparkStruct; value: SparkStruct } | undefined
    for (const line of lines) {
      const parsed = JSON.parse(line) as StoreLine | RowLine
      if ('keySchema' in parsed) {
        const [key, value] = [parsed.keySchema, parsed.valueSchema].map((schema) =>
          parseSchemaJson(JSON.stringify(schema)),
        )
        schemas = { storeName: parsed.store, key, value }
        continue
      }
      const { storeName, key, value } = schemas!
      const common = { golden, storeName, partition: parsed.p }
      yield { ...common, part: 'key', schema: key, bytes: fromHex(parsed.k) }
      yield { ...common, part: 'value', schema: value, bytes: fromHex(parsed.v) }
    }
  }
}
