/** What seeing costs: the same gateway with more and more of it on, as times the CPU time of the first. */
import { median, spread, table } from '../common/report.mjs'
import { CONTESTANTS } from './contestants.mjs'

export function seeingReport({ names, samples, about }) {
  const [first, ...others] = names
  const of = (name) => samples.get[name].map(({ cpuUs }) => cpuUs)
  // Round by round: what slows the machine down slows down both.
  const times = (name) => of(name).map((cpuUs, round) => cpuUs / of(first)[round])
  const rows = others.map((name) => {
    const { title, bar } = CONTESTANTS[name]
    const ratio = median(times(name))
    const met = bar === undefined ? '' : ratio <= bar ? 'met' : '**not met**'
    return [title, `${ratio.toFixed(2)} ×`, spread(times(name)), bar === undefined ? '' : `≤ ${bar} ×`, met]
  })
  return [
    '## What seeing costs',
    '',
    `How many times the CPU time of a gateway with ${CONTESTANTS[first].title} a small GET takes (${median(of(first)).toFixed(1)} µs), with the least and the most of all rounds.`,
    '',
    table(['', 'times', 'spread', 'bar', ''], rows),
    '',
    `${about.date}, Node ${about.node}, ${about.cpu}; \`${about.command}\`: ${about.rounds} rounds of ${about.windowMs} ms each, measured as told above.`,
    '',
  ].join('\n')
}
