/** From samples to the page: ratios first, then medians with their spread. */
import { median, spread, table } from '../common/report.mjs'
import { CONTESTANTS } from './contestants.mjs'

const title = (name) => CONTESTANTS[name].title

export function report({ names, scenarios, samples, local, about }) {
  const cpu = (scenario, name) => median(samples[scenario][name].map((it) => it.cpuUs))
  const small = scenarios.filter((it) => it.payload === 'small').map((it) => it.name)
  const large = scenarios.filter((it) => it.payload !== 'small')
  const ours = names.filter((name) => name.startsWith('goms') && CONTESTANTS[name].addsTo === undefined)
  const others = names.filter((name) => CONTESTANTS[name].packages)
  const times = (scenario, other, own) => `${(cpu(scenario, other) / cpu(scenario, own)).toFixed(1)} ×`
  const floorShare = (scenario, own) => `${((cpu(scenario, 'raw') / cpu(scenario, own)) * 100).toFixed(0)} %`
  const parts = []
  const say = (...text) => parts.push(...text, '')

  say('## Calls between two processes')
  say(
    'How many times the CPU time of goms the others take for one call, both sides together. *In flight*: calls that wait at once; *mixed*: fifty methods with values of different shapes; otherwise one method that echoes 107 bytes of MessagePack.',
  )
  for (const own of ours) {
    if (others.length === 0 || small.length === 0) break
    say(`### ${title(own)}`)
    say(
      table(
        ['in flight', ...others.map(title)],
        small.map((scenario) => [scenario, ...others.map((it) => times(scenario, it, own))]),
      ),
    )
  }
  if (large.length > 0 && others.length > 0) {
    say('### Larger values')
    say(
      `The same for one method that echoes a list of a shop's items, ${large[0].inFlight} calls in flight; 1k and 64k are its kilobytes of MessagePack.`,
    )
    say(
      table(
        ['', ...ours.map(title)],
        large.flatMap(({ name }) =>
          others.map((it) => [`${name}, ${title(it)}`, ...ours.map((own) => times(name, it, own))]),
        ),
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
        scenarios.map(({ name }) => [name, ...ours.map((it) => floorShare(name, it))]),
      ),
    )
  }
  const additions = names.filter((name) => names.includes(CONTESTANTS[name].addsTo))
  const shown = scenarios.filter(({ name }) => additions.some((it) => samples[name][it]?.length > 0))
  if (additions.length > 0 && shown.length > 0) {
    say('### What a deadline and a trace cost')
    say(
      `How much CPU time one call takes more than with ${title(CONTESTANTS[additions[0]].addsTo)}: the deadline is watched by the caller, the trace is made for each call; both are sent and read by the node.`,
    )
    const more = (scenario, it) => (cpu(scenario, it) / cpu(scenario, CONTESTANTS[it].addsTo) - 1) * 100
    say(
      table(
        ['in flight', ...additions.map(title)],
        shown.map(({ name }) => [name, ...additions.map((it) => `${more(name, it).toFixed(0)} %`)]),
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
  say('### Figures')
  say('Medians, with the least and the most of all rounds. CPU in microseconds per call.')
  for (const { name: scenario, inFlight, payload } of scenarios) {
    const one = inFlight === 1
    say(payload === 'small' ? `#### ${scenario} in flight` : `#### ${payload}, ${inFlight} in flight`)
    say(
      table(
        ['', 'CPU', 'spread', 'client', 'server', 'calls/s', ...(one ? ['p50 µs'] : [])],
        Object.keys(samples[scenario]).map((name) => {
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
  say('### How it is measured')
  say(
    [
      `- ${about.date}, Node ${about.node}, ${about.cpu}. Other work may run on the machine: compare within this page only.`,
      `- \`${about.command}\`: ${about.rounds} rounds, each scenario ${about.windowMs} ms for each contestant in turn, beginning with another one each round; warmed up before.`,
      `- Server and client are processes of their own${about.pinned ? ', the server on CPU 0, the client on CPU 1' : ''}. CPU time is what the system counts for both (\`/proc/<pid>/stat\`).`,
      '- Before anything is timed, 2000 answers of all methods, and 50 of each larger value, are compared with what was sent.',
      '- Options: `--peers`, `--in-flight`, `--payload`, `--rounds`, `--window-ms`; what they mean stands at the head of `bench/rpc.mjs`.',
      ...(about.versions.length > 0 ? [`- ${about.versions.join(', ')}.`] : []),
      '- *connection only*: listener and connection without the mesh. *goms*: `serve` and `client` as users call them, with everything that is on by default (deadline, trace, call key, pick, breaker, retry). *everything on*: validated input and output besides, and an asynchronous handler. The others run with their defaults: grpc-js with JSON bytes, which are cheaper than protobuf.js; moleculer without metrics and tracing.',
    ].join('\n'),
  )
  return `${parts.join('\n').trimEnd()}\n`
}
