package rediscache

// EncodeClaimsForTest and DecodeClaimsForTest are the form of claims in Redis.
var (
	EncodeClaimsForTest = encodeClaims
	DecodeClaimsForTest = decodeClaims
)
