/** From samples to the page: ratios first, then medians with their spread. */
import { CONTESTANTS } from './contestants.mjs'

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}
const spread = (values) => `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`
const title = (name) => CONTESTANTS[name].title
const table = (head, rows) =>
  [
    `| ${head.join(' | ')} |`,
    `| ${head.map(() => '---').join(' | ')} |`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n')

export function report({ names, scenarios, samples, local, about }) {
  const cpu = (scenario, name) => median(samples[scenario][name].map((it) => it.cpuUs))
  const ours = names.filter((name) => name.startsWith('goms'))
  const others = names.filter((name) => CONTESTANTS[name].packages)
  const parts = []
  const say = (...text) => parts.push(...text, '')

  say('# Benchmarks', 'Written by `npm run bench -- rpc`; do not edit. How it is measured stands at the end.')
  say('## Calls between two processes')
  say(
    'How many times the CPU time of goms the others take for one call, both sides together. *In flight*: calls that wait at once; *mixed*: fifty methods with values of different shapes; otherwise one method that echoes 107 bytes of MessagePack.',
  )
  for (const own of ours) {
    if (others.length === 0) break
    say(`### ${title(own)}`)
    say(
      table(
        ['in flight', ...others.map(title)],
        scenarios.map((scenario) => [
          scenario,
          ...others.map((it) => `${(cpu(scenario, it) / cpu(scenario, own)).toFixed(1)} ×`),
        ]),
      ),
    )
  }
  if (names.includes('raw')) {
    say('### The floor')
    say(
      'The share that is left of a bare socket doing the same MessagePack work with as few writes, and nothing else: no limits, names, metadata or errors. 100 % would mean that all of that is free. With few calls in flight the floor is what the system takes for reading, writing and waking up, and everybody pays it.',
    )
    say(
      table(
        ['in flight', ...ours.map(title)],
        scenarios.map((scenario) => [
          scenario,
          ...ours.map((it) => `${((cpu(scenario, 'raw') / cpu(scenario, it)) * 100).toFixed(0)} %`),
        ]),
      ),
    )
  }
  if (local) {
    say('### A call within one process')
    say(
      'No bytes and no connection, the same validation, deadline and errors. Beside it the function behind it, awaited.',
    )
    say(
      table(
        ['', 'ns'],
        local.map(({ name, ns }) => [name, ns.toFixed(0)]),
      ),
    )
  }
  say('## Figures')
  say('Medians, with the least and the most of all rounds. CPU in microseconds per call.')
  for (const scenario of scenarios) {
    const one = scenario === '1'
    say(`### ${scenario} in flight`)
    say(
      table(
        ['', 'CPU', 'spread', 'client', 'server', 'calls/s', ...(one ? ['p50 µs'] : [])],
        names.map((name) => {
          const all = samples[scenario][name]
          const of = (key) => all.map((it) => it[key])
          return [
            title(name),
            median(of('cpuUs')).toFixed(2),
            spread(of('cpuUs')),
            median(of('clientUs')).toFixed(2),
            median(of('serverUs')).toFixed(2),
            String(Math.round(median(of('perSecond')))),
            ...(one ? [median(of('p50Us')).toFixed(0)] : []),
          ]
        }),
      ),
    )
  }
  say('## How it is measured')
  say(
    [
      `- ${about.date}, Node ${about.node}, ${about.cpu}. Other work may run on the machine: compare within this page only.`,
      `- \`${about.command}\`: ${about.rounds} rounds, each scenario ${about.windowMs} ms for each contestant in turn, beginning with another one each round; warmed up before.`,
      `- Server and client are processes of their own${about.pinned ? ', the server on CPU 0, the client on CPU 1' : ''}. CPU time is what the system counts for both (\`/proc/<pid>/stat\`).`,
      '- Before anything is timed, 2000 answers of all methods are compared with what was sent.',
      ...(about.versions.length > 0 ? [`- ${about.versions.join(', ')}.`] : []),
      '- *connection only*: listener and connection without the mesh. *goms*: `serve` and `client` as users call them, with everything that is on by default (deadline, trace, call key, pick, breaker, retry). *everything on*: validated input and output besides, and an asynchronous handler. The others run with their defaults: grpc-js with JSON bytes, which are cheaper than protobuf.js; moleculer without metrics and tracing.',
    ].join('\n'),
  )
  return `${parts.join('\n').trimEnd()}\n`
}
