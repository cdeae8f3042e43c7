/** The chart of the README: CPU time per small request as bars, readable on light and on dark pages. */
import { median } from '../common/report.mjs'
import { CONTESTANTS } from './contestants.mjs'

export const CHART_FILE = 'benchmark-gateway.svg'

const WIDTH = 720
const LABELS = 210
const ROW = 30
const TOP = 44
/** Grey and colours that have contrast enough on white and on nearly black. */
const TEXT = '#7a828c'
const OURS = '#2f81f7'
const OTHERS = '#8b949e'
const NAME_OF_SCENARIO = 'get'

export function chart({ names, samples }) {
  const rows = names
    .filter((name) => CONTESTANTS[name].only === undefined)
    .map((name) => ({ name, us: median(samples[NAME_OF_SCENARIO][name].map((it) => it.cpuUs)) }))
    .sort((a, b) => a.us - b.us)
  const most = Math.max(...rows.map(({ us }) => us))
  const height = TOP + rows.length * ROW + 10
  const bars = rows.map(({ name, us }, i) => {
    const { title, ours } = CONTESTANTS[name]
    const y = TOP + i * ROW
    const width = Math.max(2, (us / most) * (WIDTH - LABELS - 70))
    return [
      `<text x="${LABELS - 10}" y="${y + 16}" text-anchor="end"${ours ? ' font-weight="bold"' : ''}>${escaped(title)}</text>`,
      `<rect x="${LABELS}" y="${y}" width="${width.toFixed(1)}" height="22" rx="3" fill="${ours ? OURS : OTHERS}"/>`,
      `<text x="${(LABELS + width + 8).toFixed(1)}" y="${y + 16}">${us.toFixed(1)}</text>`,
    ].join('\n')
  })
  const heading = 'CPU µs per request through a gateway on one core (less is better)'
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${heading}" font-family="system-ui, sans-serif" font-size="14" fill="${TEXT}">
<text x="10" y="22" font-size="15" font-weight="bold">${heading}</text>
${bars.join('\n')}
</svg>
`
}

const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;')
