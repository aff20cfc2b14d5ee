export type { ByteListener, ByteStream } from './byte-stream.ts'
export { type CountingTransport, counting, type Traffic } from './counting.ts'
export { type I2cBus, type I2cOptions, i2cStream } from './i2c.ts'
export { inProcess } from './in-process.ts'
export { type LineTransport, openLine } from './line.ts'
export { type CardOnLine, type LineServerOptions, serveLine } from './line-server.ts'
export {
  type LoadedModule,
  loadModuleFile,
  type ModuleFile,
  type ModuleFileOptions,
  openModuleFile,
} from './module-file.ts'
export { chosenReader, listReaders, openReader, type ReaderTransport } from './pcsc.ts'
export { defaultBaud, openSerialPort, type SerialPortOptions, serialSettings } from './serial-port.ts'
export { connectTcp, listenTcp, type TcpListener } from './tcp.ts'
export { describeAnswer, describeCommand, instructionName, tracing } from './tracing.ts'
