export { nativeProgram, vectorsInForce } from './vectors.ts'
