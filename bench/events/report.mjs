/** From samples to the page: the share of the bare client's rate first, then rates and CPU time with their spread. */
import { about, command, median, spread, table, versionOf } from '../common/report.mjs'

export function report({ scenarios, results, rounds, messages }) {
  const { date, node, cpu } = about()
  const rate = (name, who) => median(results[name][who].map((it) => it.perSecond))
  const cost = (name, who) => median(results[name][who].map((it) => it.cpuUs)).toFixed(1)
  const share = (name) => `${((rate(name, 'goms') / rate(name, 'bare')) * 100).toFixed(0)} %`
  const rates = (name, who) =>
    `${Math.round(rate(name, who))} (${spread(
      results[name][who].map((it) => it.perSecond),
      0,
    )})`
  const rows = scenarios.map(({ name }) => [
    name,
    share(name),
    rates(name, 'goms'),
    rates(name, 'bare'),
    cost(name, 'goms'),
    cost(name, 'bare'),
  ])
  return [
    '## Events over RabbitMQ',
    '',
    'The rate of `emitter(contract)` and of a service with `on`, beside the client that both stand on (rabbitmq-client) used alone: publishing with confirms, consuming with an acknowledgement for each message, a topic exchange and a quorum queue. Ours checks names and options, writes and reads a trace, keeps limits, and makes a context for each handler.',
    '',
    table(['', 'of the bare client', 'goms /s', 'bare /s', 'goms µs CPU', 'bare µs CPU'], rows),
    '',
    `Measured ${date} on ${cpu}, node ${node}, ${versionOf('rabbitmq-client')}, RabbitMQ on a CPU of its own beside: ${rounds} rounds of ${messages} messages, contestants in turn, medians, in brackets the least and the most. \`${command('events')}\``,
  ].join('\n')
}
