export { type TestOnlyStory, testOnlyStory } from './story.ts'
