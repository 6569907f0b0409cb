// A question's answers as Markdown: for each size the ratios first, then the figures themselves.

import { describeParams, type CaseResult, type EngineResult } from '../harness/run-question.ts'
import { RULES } from '../harness/question.ts'
import { STOLEN_SHARE_MAX } from '../harness/stolen-time.ts'
import { figureLabel, formatFigure, formatNumber, isMoreBetter, isRatio } from './format-figure.ts'
import type { QuestionResult } from './results.ts'

export const REFERENCE = 'tidemark'

/** The first `leftColumns` are words, the others figures. */
export function markdownTable(
  leftColumns: number,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [
    line(headings),
    line(headings.map((_, i) => (i < leftColumns ? '---' : '---:'))),
    ...rows.map(line),
  ]
}

export function questionSection(result: QuestionResult): string[] {
  const { machine } = result
  return [
    `## ${result.question}`,
    '',
    `${result.title}. Measured ${machine.date} at commit ${machine.commit} on ${machine.cpu}, ${machine.cores} cores; all of it took ${formatNumber(result.seconds)} s.`,
    '',
    ...(isByEarlierRules(result)
      ? [
          'Measured by earlier rules of the suite: `bench/README.md` tells what has changed since.',
          '',
        ]
      : []),
    ...describeDisturbance(result.cases),
    ...result.cases.flatMap(caseSection),
    ...describeEngines(result.cases),
  ]
}

export function isByEarlierRules({ rules = 1 }: QuestionResult): boolean {
  return rules !== RULES
}

/** How far the host is to blame. Nothing where it took little. */
function describeDisturbance(cases: readonly CaseResult[]): string[] {
  const measured = cases.flatMap(({ engines }) => engines.filter(wasMeasured))
  if (measured.every(({ stolenShares }) => stolenShares === undefined)) {
    return ['What the host of this machine took for others meanwhile was not looked at.', '']
  }
  const worst = cases.flatMap(({ params, engines }) =>
    engines.flatMap(({ engine, stolenShares = [] }) => {
      const share = Math.max(0, ...stolenShares)
      return share > STOLEN_SHARE_MAX
        ? [{ share, where: `${engine}, ${describeParams(params)}` }]
        : []
    }),
  )
  if (worst.length === 0) return []
  const { share, where } = worst.reduce((a, b) => (b.share > a.share ? b : a))
  return [
    `The host of this machine took up to ${formatNumber(share * 100)} % of its processors for others (${where}), although what it disturbs is measured once more.`,
    '',
  ]
}

function caseSection(one: CaseResult): string[] {
  const measured = one.engines.filter(wasMeasured)
  const lines = [`### ${describeParams(one.params)}`, '']
  const reference = measured.find(({ engine }) => engine === REFERENCE) ?? measured[0]
  const ratios = ratioRows(reference, measured)
  if (ratios.length > 0) {
    const headings = [`${reference.engine} = 1`, ...measured.map(nameOf)]
    lines.push(...markdownTable(1, headings, ratios), '')
  }
  if (measured.length > 0) {
    const rounds = one.rounds === 1 ? 'one round' : `median / best of ${one.rounds} rounds`
    lines.push(
      ...markdownTable(
        1,
        [rounds, ...measured.map((engine) => nameWithRounds(one, engine))],
        figureRows(one, measured),
      ),
      '',
    )
  }
  for (const { engine, skipped, failed } of one.engines) {
    if (skipped !== undefined) lines.push(`Left out: ${engine} (${skipped}).`, '')
    if (failed !== undefined) {
      lines.push(`${engine} has the figures of its rounds until it was left out: ${failed}.`, '')
    }
  }
  return lines
}

function wasMeasured({ skipped }: EngineResult): boolean {
  return skipped === undefined
}

function nameOf({ engine }: EngineResult): string {
  return engine
}

/** With how many rounds it has, where the case has more. */
function nameWithRounds({ rounds }: CaseResult, { engine, figures }: EngineResult): string {
  const had = Math.max(0, ...Object.values(figures).map((figure) => figure.rounds.length))
  if (had === rounds || had === 0) return engine
  return had === 1 ? `${engine} (once)` : `${engine} (${had} rounds)`
}

/** Of every engine, in the order of their first mention: some measure more than others. */
function figureNames(engines: readonly EngineResult[]): string[] {
  return [...new Set(engines.flatMap((engine) => Object.keys(engine.figures)))]
}

/** Only what the reference measured as well as another one; ratios are no costs and have none. */
function ratioRows(
  reference: EngineResult | undefined,
  engines: readonly EngineResult[],
): string[][] {
  if (reference === undefined) return []
  const shared = Object.keys(reference.figures).filter(
    (name) =>
      !isRatio(name) && engines.some((engine) => engine !== reference && name in engine.figures),
  )
  return shared.map((name) => [
    figureLabel(name),
    ...engines.map((engine) => ratioCell(reference, engine, name)),
  ])
}

/** Above 1: worse than the reference by so much. Below: better, and in bold. */
function ratioCell(reference: EngineResult, engine: EngineResult, name: string): string {
  const ours = reference.figures[name]?.median
  const theirs = engine.figures[name]?.median
  if (ours === undefined || theirs === undefined) return '–'
  const ratio = isMoreBetter(name) ? ours / theirs : theirs / ours
  if (!Number.isFinite(ratio)) return '–'
  return ratio < 1 ? `**${formatNumber(ratio)}**` : formatNumber(ratio)
}

function figureRows(one: CaseResult, engines: readonly EngineResult[]): string[][] {
  return figureNames(engines).map((name) => [
    figureLabel(name),
    ...engines.map(({ figures }) => {
      const figure = figures[name]
      if (figure === undefined) return '–'
      const median = formatFigure(name, figure.median)
      return one.rounds === 1 ? median : `${median} / ${formatFigure(name, figure.best)}`
    }),
  ])
}

function describeEngines(cases: readonly CaseResult[]): string[] {
  const noted = cases.flatMap(({ params, engines }) =>
    engines.flatMap(({ engine, standsFor }) =>
      standsFor === undefined ? [] : [{ engine, standsFor, where: describeParams(params) }],
    ),
  )
  if (noted.length === 0) return []
  const lines = [...Map.groupBy(noted, ({ engine }) => engine)].flatMap(([engine, ofEngine]) => {
    const notes = [...Map.groupBy(ofEngine, ({ standsFor }) => standsFor)]
    if (notes.length === 1) return [`- ${engine}: ${notes[0][0]}`]
    return notes.map(
      ([note, those]) => `- ${engine} (${those.map(({ where }) => where).join('; ')}): ${note}`,
    )
  })
  return ['What an engine stands for here:', '', ...lines, '']
}
