export { type DemoOptions, type DemoResult, runDemo, type StageResult } from './demo.ts'
export { scenes, scenesWith } from './scenes.ts'
export type { Scene, Stage, World } from './stage.ts'
export { quoted, Telling } from './telling.ts'
