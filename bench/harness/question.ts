// A question of the suite, and what an engine answers to it. Each question is one file in bench/: what is run (cases), what must be in the
// store in the end (oracle), and how one engine is measured (measure, in a process of its own).

import type { Durability } from '../../src/files/file-manager.ts'
import type { Content } from './workload.ts'

/** Raised when what is compared is measured otherwise: a file of results says by which rules it was made. README.md tells the earlier ones. */
export const RULES = 2

export interface Params {
  /** Rows the state holds; 0 where the question is about files or a job, and that is not what sets its size. */
  readonly keys: number
  readonly durability: Durability
  readonly [name: string]: string | number
}

/** One size of a question, with all engines that answer it. */
export interface Case {
  readonly params: Params
  readonly engines: readonly string[]
  /** Each engine runs this often, each time in a fresh process and an empty folder. */
  readonly rounds: number
  /** Those of them that run in the first round only: they take minutes, and are far from the others. */
  readonly once?: readonly string[]
}

/** What one engine measured in one round. */
export interface Measurement {
  /** By name; the name ends in its unit: Ns, Ms, Bytes, Rows, Count, PerSecond, Ratio. */
  readonly figures: Readonly<Record<string, number>>
  /** Undefined only where nothing is stored. */
  readonly content: Content | undefined
  readonly versions?: Readonly<Record<string, string>>
  readonly standsFor?: string | undefined
}

/** Why nothing was measured: what it needs is not on this machine. */
export interface Missing {
  readonly missing: string
}

export interface MeasureContext {
  readonly engine: string
  readonly params: Params
  /** Empty, and deleted afterwards. */
  readonly directory: string
}

export interface Question {
  readonly name: string
  /** One sentence for the tables. */
  readonly title: string
  cases(quick: boolean): readonly Case[]
  /** What the store must hold after measure(); undefined where nothing is stored. */
  oracle(params: Params): Content | undefined | Promise<Content>
  measure(context: MeasureContext): Promise<Measurement | Missing>
}
