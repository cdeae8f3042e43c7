/** What seeing costs: the same gateway with more and more of it on, as times the CPU time of the first. */
import { median, spread, table } from '../common/report.mjs'
import { CONTESTANTS } from './contestants.mjs'

export function seeingReport({ names, samples, refused, about }) {
  const [first, ...others] = names
  const of = (name) => samples.get[name].map(({ cpuUs }) => cpuUs)
  // Round by round: what slows the machine down slows down both.
  const times = (name) => of(name).map((cpuUs, round) => cpuUs / of(first)[round])
  const rows = others.map((name) => {
    const { title, bar } = CONTESTANTS[name]
    if (refused.has(name)) return [title, `refused: ${refused.get(name)}`, '', `≤ ${bar} ×`, '**not met**']
    const ratio = median(times(name))
    return [title, `${ratio.toFixed(2)} ×`, spread(times(name)), `≤ ${bar} ×`, ratio <= bar ? 'met' : '**not met**']
  })
  return [
    '## What seeing costs',
    '',
    `How many times the CPU time of a gateway with ${CONTESTANTS[first].title} a small GET takes (${median(of(first)).toFixed(1)} µs), with the least and the most of all rounds. Spans go to a program that takes them as Zipkin does, lines of the access log to a pipe; both are read on the other CPU, and a row counts only where as many come as should. Making and sending them is part of the time. Where traces are on, calls that fail or are slow are looked for as well.`,
    '',
    table(['', 'times', 'spread', 'bar', ''], rows),
    '',
    `${about.date}, Node ${about.node}, ${about.cpu}; \`${about.command}\`: ${about.rounds} rounds of ${about.windowMs} ms each, measured as told above.`,
    '',
  ].join('\n')
}
