/** From samples to the part of the page: the bars first, then ratios, then medians with their spread. */
import { spawnSync } from 'node:child_process'
import { median, spread, table } from '../common/report.mjs'
import { barsOf } from './bars.mjs'
import { CHART_FILE } from './chart.mjs'
import { CONTESTANTS } from './contestants.mjs'
import { SCENARIOS } from './scenarios.mjs'

const title = (name) => CONTESTANTS[name].title
const NONE = '–'

export function report({ names, scenarios, samples, latency, memory, about }) {
  const parts = []
  const say = (...text) => parts.push(...text, '')
  const cpu = (scenario, name) => median(samples[scenario][name].map((it) => it.cpuUs))
  const bars = barsOf({ names, scenarios, samples, latency, memory })

  say('## The gateway')
  say(
    'What one request through a gateway costs, in CPU time of the gateway’s processes on one core. goms runs with everything on: routing, round robin over two nodes from the registry, call key, trace and forwarded headers, limiter and breaker, time-outs, and the envelope, which puts `"status":true` into the JSON of the answer.',
  )
  if (names.includes('goms') && scenarios.includes('get')) say(`![CPU time per request](${CHART_FILE})`)
  if (bars.length > 0) {
    say('### What it is held to')
    say('*A ÷ B* is how many times the CPU time of B the request takes in A: more is better for B.')
    say(
      table(
        ['', 'measured', 'bar', ''],
        bars.map(({ what, measured, bar, met }) => [what, measured, bar, met ? 'met' : '**not met**']),
      ),
    )
  }
  const floor = names.find((name) => CONTESTANTS[name].floor)
  if (floor && scenarios.includes('get')) {
    say('### What is possible in Node')
    say(
      `How many times the CPU time of *${title(floor)}*, for the small GET: sockets as goms has them, one to a node for each of a client, and nothing is read of what passes, let alone changed. A bar above the figure of its contestant cannot be met on this machine.`,
    )
    const times = (name) => [title(name), `${(cpu('get', name) / cpu('get', floor)).toFixed(2)} ×`]
    say(table(['', 'times'], names.filter((name) => CONTESTANTS[name].only === undefined).map(times)))
  }
  const others = names.filter((name) => !CONTESTANTS[name].ours && !CONTESTANTS[name].floor)
  if (names.includes('goms') && others.length > 0) {
    say('### How many times the CPU time of goms')
    say(
      table(
        ['', ...scenarios.map((it) => SCENARIOS[it].title)],
        others.map((name) => [
          title(name),
          ...scenarios.map((it) => `${(cpu(it, name) / cpu(it, 'goms')).toFixed(2)} ×`),
        ]),
      ),
    )
  }
  const variants = names.filter((name) => CONTESTANTS[name].ours && name !== 'goms')
  if (names.includes('goms') && scenarios.includes('get') && variants.length > 0) {
    say('### Other ways to run goms')
    say('How many times the CPU time of goms as above, for the small GET.')
    say(
      table(
        ['', 'times'],
        variants.map((name) => [title(name), `${(cpu('get', name) / cpu('get', 'goms')).toFixed(2)} ×`]),
      ),
    )
  }
  say('### CPU per request')
  say('Medians in µs, with the least and the most of all rounds.')
  for (const scenario of scenarios) {
    say(`#### ${SCENARIOS[scenario].title}`)
    say(
      table(
        ['', 'CPU', 'spread', 'requests/s'],
        Object.entries(samples[scenario]).map(([name, all]) => [
          title(name),
          cpu(scenario, name).toFixed(1),
          spread(
            all.map((it) => it.cpuUs),
            1,
          ),
          String(Math.round(median(all.map((it) => it.perSecond)))),
        ]),
      ),
    )
  }
  if (latency) {
    say('### Time of a request at 5000 per second')
    say('In µs, of the small GET; each request is sent when it is due, whatever became of those before it.')
    const of = (all, key) => median(all.map((it) => it[key])).toFixed(0)
    say(
      table(
        ['', 'p50', 'spread', 'p99'],
        Object.entries(latency).map(([name, all]) => [
          title(name),
          of(all, 'p50Us'),
          spread(
            all.map((it) => it.p50Us),
            0,
          ),
          of(all, 'p99Us'),
        ]),
      ),
    )
  }
  if (memory) {
    say('### Memory')
    say(
      'By how much a process that has just started grows: for each of 9000 idle connections, while 200 MiB are uploaded, and while 1 GiB goes each way and the receiving side stands still for 1.5 s.',
    )
    const shown = (value, unit) => (value === undefined ? NONE : `${value.toFixed(1)} ${unit}`)
    say(
      table(
        ['', 'idle connection', '200 MiB up', '1 GiB up, slow node', '1 GiB down, slow client'],
        Object.entries(memory).map(([name, it]) => [
          title(name),
          shown(it.idleKiB, 'KiB'),
          shown(it.uploadMiB, 'MiB'),
          shown(it.slowUploadMiB, 'MiB'),
          shown(it.slowDownloadMiB, 'MiB'),
        ]),
      ),
    )
  }
  say('### How it is measured')
  say(
    [
      `- ${about.date}, Node ${about.node}, ${about.cpu}. Other work may run on the machine: compare within this page only.`,
      `- \`${about.command}\`: ${about.rounds} rounds, each scenario ${about.windowMs} ms for each gateway in turn, beginning with another one each round; warmed up before. What the options mean stands at the head of \`bench/gateway.mjs\`.`,
      '- The gateway runs on CPU 0 alone. wrk (one thread, 64 connections) and the nodes behind it, an nginx on two ports, share CPU 1. CPU time is what the system counts for the gateway’s processes (`/proc/<pid>/stat`), from when all connections are open; requests are those that the nodes answered meanwhile. A window without CPU time is repeated.',
      '- Before anything is timed, every answer is compared with what the node sent; 200 uploads at once, with a length and in chunks, come back byte for byte; twenty pipelined requests are answered in order; a client that stands still gets every byte. fast-gateway is not checked for pipelining, which it does not do, and moleculer-web for nothing but answers and pipelining.',
      '- nginx (one worker) and HAProxy (one thread) keep connections to the nodes, add forwarded headers, and log nothing. *node:http + undici* is tuned by hand and does nothing but relay. moleculer-web has its actions at another node over TCP, and only the gateway’s process is counted.',
      `- ${about.versions.join(', ')}.`,
    ].join('\n'),
  )
  return `${parts.join('\n')}`
}

/** Of the programs that take part. */
export function programVersions(names) {
  const first = (command, args) => {
    const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
    return /\d+\.\d+[\w.+-]*/.exec(stdout + stderr)?.[0] ?? ''
  }
  return [
    `nginx ${first('nginx', ['-v'])}`,
    ...(names.includes('haproxy') ? [`HAProxy ${first('haproxy', ['-v'])}`] : []),
    `wrk ${first('wrk', ['-v'])}`,
  ]
}
