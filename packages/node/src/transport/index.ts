export { type CountingTransport, counting, type Traffic } from './counting.ts'
export { inProcess } from './in-process.ts'
export {
  type LoadedModule,
  loadModuleFile,
  type ModuleFile,
  type ModuleFileOptions,
  openModuleFile,
} from './module-file.ts'
export { chosenReader, listReaders, openReader, type ReaderTransport } from './pcsc.ts'
export { connectTcp, listenTcp, type TcpListener } from './tcp.ts'
export { describeAnswer, describeCommand, instructionName, tracing } from './tracing.ts'
