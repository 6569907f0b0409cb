import { expect, test } from 'vitest'
import { growthPlot, type PlotSeries, SERIES_MAX } from '../../../bench/report/svg-plot.ts'

function draw(series: readonly PlotSeries[]): string {
  return growthPlot({
    title: 'Time & size',
    xLabel: 'keys',
    unit: 'ms',
    formatX: String,
    formatY: String,
    series,
  })
}

const flat = (name: string, y = 10): PlotSeries => ({
  name,
  points: [
    { x: 100, y },
    { x: 10_000, y },
  ],
})

function labelPlaces(svg: string): number[] {
  return [...svg.matchAll(/<text class="f\d" x="[\d.]+" y="([\d.]+)"/g)].map((match) =>
    Number(match[1]),
  )
}

test('a power of the size is a straight line', () => {
  const points = [1, 10, 100].map((x) => ({ x, y: x ** 2 }))
  const path =
    /<path class="line l0" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"/.exec(
      draw([{ name: 'square', points }]),
    )
  const [x1, y1, x2, y2, x3, y3] = path!.slice(1).map(Number)
  expect(x2 - x1).toBeCloseTo(x3 - x2, 0)
  expect(y1 - y2).toBeCloseTo(y2 - y3, 0)
  expect(y1).toBeGreaterThan(y3)
})

test.each([
  ['at the bottom', 1],
  ['at the top', 1000],
])('labels of lines that end together %s are apart, and in the picture', (_, y) => {
  const others = Array.from({ length: SERIES_MAX - 1 }, (_, i) => flat(`engine ${i}`, y))
  const places = labelPlaces(draw([flat('middle', 31), ...others])).sort((a, b) => a - b)
  expect(places).toHaveLength(SERIES_MAX)
  for (let i = 1; i < places.length; i++) expect(places[i] - places[i - 1]).toBeGreaterThan(15)
  expect(places[0]).toBeGreaterThan(50)
  expect(places.at(-1)).toBeLessThan(440)
})

test('names are text, not markup', () => {
  const svg = draw([flat('<script>&"')])
  expect(svg).toContain('&lt;script&gt;&amp;&quot;')
  expect(svg).toContain('aria-label="Time &amp; size"')
})

test('what a logarithm cannot show is refused, and so is what could not be told apart', () => {
  expect(() => draw([flat('zero', 0)])).toThrow(/above 0, got 0/)
  expect(() => draw([])).toThrow(/1 to 8 series, got 0/)
  const many = Array.from({ length: SERIES_MAX + 1 }, () => flat('one more'))
  expect(() => draw(many)).toThrow(/got 9/)
})
