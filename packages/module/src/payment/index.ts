/** RAM names of the cash machine's example: the payment asked for, and the central system's order for it. */
export const pendingPayment = 'payment asked for'
export const orderedPayment = 'payment ordered'
