export { type OtpBit, otpBits, otpFollows, otpLength } from './bits.ts'
export { checkOtp, Otp } from './otp.ts'
