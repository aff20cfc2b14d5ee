export { type ForeignCardOptions, type ForeignDialect, TestOnlyForeignCard } from './foreign-card.ts'
export { type Cut, testOnlyBreakingLine, testOnlyEveryCut, testOnlyTappedLine } from './lines.ts'
