export { type OtpBit, otpBits, otpLength } from './bits.ts'
export { Otp } from './otp.ts'
