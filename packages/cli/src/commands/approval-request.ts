import { encodeHex } from '@sealwright/core/bytes'
import { type ApprovalRequest, matterWords } from '@sealwright/core/people'
import { fields, type Report, report, timeText } from '../framework/index.ts'

/** What two people are to approve, in words, as the unit hands it on. */
export function approvalRequestReport({ matter, actor, nonce, until }: ApprovalRequest): Report {
  return report(
    { action: matter.action, object: matter.object, actor, nonce, until: timeText(until) },
    ...fields({
      ...Object.fromEntries(matterWords(matter)),
      'acting key': encodeHex(actor),
      'for this run': encodeHex(nonce),
      until: timeText(until),
    }),
  )
}
