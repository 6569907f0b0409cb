// The process in which one engine answers one question once. Prints one JSON line: a Measurement.
//
//   node bench/harness/engine-process.ts <question> <context as JSON>

import { questionByName } from './questions.ts'
import type { MeasureContext } from './question.ts'

const [question, context] = process.argv.slice(2)
const measurement = await questionByName(question).measure(JSON.parse(context) as MeasureContext)
console.log(JSON.stringify(measurement))
