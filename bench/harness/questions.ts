import { backends } from '../backends.ts'
import { basicOperations } from '../basic-operations.ts'
import { codecs } from '../codecs.ts'
import { commitLatency } from '../commit-latency.ts'
import { interference } from '../interference.ts'
import { memory } from '../memory.ts'
import { recovery } from '../recovery.ts'
import { stream } from '../stream.ts'
import { throughput } from '../throughput.ts'
import { ycsb } from '../ycsb.ts'
import type { Question } from './question.ts'

export const QUESTIONS: readonly Question[] = [
  basicOperations,
  commitLatency,
  interference,
  memory,
  recovery,
  throughput,
  stream,
  codecs,
  ycsb,
  backends,
]

export function questionByName(name: string): Question {
  const question = QUESTIONS.find((known) => known.name === name)
  if (question === undefined) {
    const names = QUESTIONS.map((known) => known.name).join(', ')
    throw new RangeError(`Expected a question (${names}), got ${name}`)
  }
  return question
}
