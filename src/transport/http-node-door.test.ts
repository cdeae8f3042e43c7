import { httpExchangeSuite } from './http-exchange.suite.ts'
import { createHttpNodeDoor } from './http-node-door.ts'

httpExchangeSuite('node:http', createHttpNodeDoor)
