package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"time"
)

// sign returns the millisecond timestamp and the base64 signature that a robot
// with the security setting "sign" wants beside the token. Each attempt needs new
// ones: DingTalk accepts a timestamp for one hour.
func sign(secret string, now time.Time) (timestamp, signature string) {
	timestamp = strconv.FormatInt(now.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "\n" + secret))
	return timestamp, base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signedQuery returns what one attempt adds to the query of a robot with a secret:
// timestamp and signature, percent-encoded once.
func signedQuery(secret string, now time.Time) string {
	timestamp, signature := sign(secret, now)
	return "&timestamp=" + timestamp + "&sign=" + url.QueryEscape(signature)
}
