import { httpExchangeSuite } from './http-exchange.suite.ts'
import { createHttpRawListener } from './http-raw-listener.ts'

httpExchangeSuite('raw, into a buffer of ours', createHttpRawListener)
httpExchangeSuite('raw, with data events', (options) => createHttpRawListener({ ...options, onread: 'off' }))
