// A growth plot: lines on two logarithmic axes, each labelled at its end with its name and its last value, so that no legend has to be looked
// up. On such axes a straight line is a power of the size, a level one does not grow at all.
//
// Colours are for light and dark pages alike: the media query inside the SVG holds where it is shown as an image, too. The page behind it shows
// through.

export interface PlotPoint {
  /** Above 0, as is y: the axes are logarithmic. */
  readonly x: number
  readonly y: number
}

export interface PlotSeries {
  readonly name: string
  /** By rising x. At least one. */
  readonly points: readonly PlotPoint[]
}

export interface GrowthPlot {
  readonly title: string
  readonly xLabel: string
  /** Of y: above the axis, and behind the last values. */
  readonly unit: string
  readonly formatX: (x: number) => string
  readonly formatY: (y: number) => string
  /** The first is drawn boldest. At most SERIES_MAX. */
  readonly series: readonly PlotSeries[]
}

interface Axis {
  readonly ticks: readonly number[]
  /** Where a value is drawn. */
  at(value: number): number
}

const WIDTH = 820
const HEIGHT = 440
const LEFT = 72
/** Room for the labels at the ends of the lines. */
const RIGHT = 250
const TOP = 56
const BOTTOM = 56
const LABEL_GAP = 17
const TICKS_LABELLED_MAX = 8

/** Told apart by the eye that sees no red or no green as well; each on white and on near black. */
const COLOURS = [
  { light: '#0550ae', dark: '#79c0ff' },
  { light: '#bc4c00', dark: '#ffa657' },
  { light: '#116329', dark: '#7ee787' },
  { light: '#8250df', dark: '#d2a8ff' },
  { light: '#a40e26', dark: '#ff9492' },
  { light: '#6e7781', dark: '#9ea7b3' },
  { light: '#7d4e00', dark: '#e3b341' },
  { light: '#1b7c83', dark: '#56d4dd' },
]
export const SERIES_MAX = COLOURS.length

export function growthPlot(plot: GrowthPlot): string {
  if (plot.series.length === 0 || plot.series.length > SERIES_MAX) {
    throw new RangeError(`Expected 1 to ${SERIES_MAX} series, got ${plot.series.length}`)
  }
  const points = plot.series.flatMap((series) => series.points)
  const x = logarithmicAxis(
    points.map((point) => point.x),
    LEFT,
    WIDTH - RIGHT,
  )
  const y = logarithmicAxis(
    points.map((point) => point.y),
    HEIGHT - BOTTOM,
    TOP,
  )
  // The boldest last, so that it lies on top.
  const lines = plot.series.map((series, i) => drawSeries(series, i, x, y)).toReversed()
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(plot.title)}">`,
    style(plot.series.length),
    `<text class="title" x="${LEFT}" y="24">${escape(plot.title)}</text>`,
    `<text class="axis" x="${LEFT}" y="44">${escape(plot.unit)}</text>`,
    `<text class="axis" x="${WIDTH - RIGHT}" y="${HEIGHT - 12}" text-anchor="end">${escape(plot.xLabel)}</text>`,
    ...drawGridY(y, plot.formatY),
    ...drawGridX(x, plot.formatX),
    ...lines,
    ...drawEndLabels(plot, x, y),
    '</svg>',
    '',
  ].join('\n')
}

/** From the last 1, 2 or 5 times a power of ten below all values to the first above them. */
function logarithmicAxis(values: readonly number[], from: number, to: number): Axis {
  const wrong = values.find((value) => !(value > 0 && Number.isFinite(value)))
  if (wrong !== undefined) throw new RangeError(`Expected values above 0, got ${wrong}`)
  const least = Math.min(...values)
  const most = Math.max(...values)
  const steps: number[] = []
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power++) {
    for (const step of [1, 2, 5]) steps.push(step * 10 ** power)
  }
  const low = steps.findLast((step) => step <= least) ?? steps[0]
  const high = steps.find((step) => step >= most && step > low) ?? low * 10
  const span = Math.log10(high / low)
  return {
    ticks: steps.filter((step) => step >= low && step <= high),
    at: (value) => from + ((to - from) * Math.log10(value / low)) / span,
  }
}

function style(seriesCount: number): string {
  const colours = COLOURS.slice(0, seriesCount)
  const rules = (theme: 'light' | 'dark') =>
    colours
      .map((colour, i) => `.l${i}{stroke:${colour[theme]}}.f${i}{fill:${colour[theme]}}`)
      .join('')
  return `<style>
text{font:13px system-ui,'DejaVu Sans',sans-serif;fill:#1f2328}
.title{font-size:16px;font-weight:600}
.axis,.tick{fill:#59636e}
.tick{font-size:12px}
.grid{stroke:#d1d9e0;stroke-width:1}
.line{fill:none;stroke-width:1.75}
.l0{stroke-width:3.5}
text.f0{font-weight:700}
.lead{stroke-width:1;opacity:.6}
${rules('light')}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}
.axis,.tick{fill:#9198a1}
.grid{stroke:#3d444d}
${rules('dark')}
}
</style>`
}

function isPowerOfTen(value: number): boolean {
  return Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9
}

function labelled(axis: Axis): readonly number[] {
  return axis.ticks.length <= TICKS_LABELLED_MAX ? axis.ticks : axis.ticks.filter(isPowerOfTen)
}

function drawGridY(axis: Axis, format: GrowthPlot['formatY']): string[] {
  return labelled(axis).map((value) => {
    const at = place(axis.at(value))
    return `<path class="grid" d="M${LEFT} ${at}H${WIDTH - RIGHT}"/><text class="tick" x="${LEFT - 8}" y="${at + 4}" text-anchor="end">${escape(format(value))}</text>`
  })
}

function drawGridX(axis: Axis, format: GrowthPlot['formatX']): string[] {
  return labelled(axis).map((value) => {
    const at = place(axis.at(value))
    return `<path class="grid" d="M${at} ${TOP}V${HEIGHT - BOTTOM}"/><text class="tick" x="${at}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${escape(format(value))}</text>`
  })
}

function drawSeries(series: PlotSeries, index: number, x: Axis, y: Axis): string {
  const points = series.points.map((point) => [place(x.at(point.x)), place(y.at(point.y))])
  const path = points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${px} ${py}`).join('')
  const radius = index === 0 ? 4 : 3
  const dots = points.map(
    ([px, py]) => `<circle class="f${index}" cx="${px}" cy="${py}" r="${radius}"/>`,
  )
  return `<path class="line l${index}" d="${path}"/>${dots.join('')}`
}

/** Beside the last point; pushed apart where they would cover each other, with a thin line to the point they belong to. */
function drawEndLabels(plot: GrowthPlot, x: Axis, y: Axis): string[] {
  const ends = plot.series.map(({ name, points }, index) => {
    const end = points[points.length - 1]
    const text = `${name} ${plot.formatY(end.y)} ${plot.unit}`
    return { index, text, fromX: place(x.at(end.x)), fromY: y.at(end.y), toY: 0 }
  })
  ends.sort((a, b) => a.fromY - b.fromY)
  const tops = spread(
    ends.map((end) => end.fromY),
    LABEL_GAP,
    HEIGHT - BOTTOM,
  )
  const labelX = WIDTH - RIGHT + 24
  return ends.map(({ index, text, fromX, fromY }, i) => {
    const toY = place(tops[i])
    const lead = `<path class="lead l${index}" d="M${fromX + 6} ${place(fromY)}L${labelX - 4} ${toY}"/>`
    return `${lead}<text class="f${index}" x="${labelX}" y="${toY + 4}">${escape(text)}</text>`
  })
}

/** The rising places, moved down and, where they would pass `max`, up again until they are `gap` apart. */
function spread(places: readonly number[], gap: number, max: number): number[] {
  const moved = [...places]
  for (let i = 1; i < moved.length; i++) moved[i] = Math.max(moved[i], moved[i - 1] + gap)
  let limit = max
  for (let i = moved.length - 1; i >= 0; i--) {
    moved[i] = Math.min(moved[i], limit)
    limit = moved[i] - gap
  }
  return moved
}

/** A tenth of a pixel is enough. */
function place(at: number): number {
  return Math.round(at * 10) / 10
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
