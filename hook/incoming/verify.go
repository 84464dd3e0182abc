package incoming

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/connections"
)

// MaxClock is how far the time in a signature may be from ours.
const MaxClock = time.Hour

// Why a request over HTTP is not believed. What it holds must not be used then.
var (
	// ErrUnsigned says that a header of the signature is absent.
	ErrUnsigned = errors.New("the request has no signature: it is not from DingTalk, or a proxy drops its headers")
	// ErrClock says that the signature is of another hour.
	ErrClock = errors.New("the time in the signature is over an hour off: set the clock of this machine by NTP; otherwise an old request was sent again")
	// ErrSignature says that the signature is wrong.
	ErrSignature = errors.New("the signature is wrong: the request is not from DingTalk, or was made with another secret than the connection has")
	// ErrNoSecret says that there is nothing to verify with.
	ErrNoSecret = errors.New("the connection has no secret to verify the signature with")
)

// VerifyRobot checks the headers of a message that came over HTTP to an outgoing robot or to
// the bot of an application, whose AppSecret signs it. The body is not part of the signature:
// drop messages whose id has been seen, as a request can be sent again within the hour. The time in
// the signature is when DingTalk sent the message.
func VerifyRobot(header http.Header, appSecret connections.Secret, now time.Time) (time.Time, error) {
	timestamp := header.Get("timestamp")
	return verify(timestamp, header.Get("sign"), appSecret, timestamp+"\n"+appSecret.Reveal(), now)
}

// VerifyCard checks the headers of a card callback that came over HTTP, and returns the time
// in its signature, for [ParsePress]. The secret is the one with which the callback's
// address was registered. The body is not part of the signature.
func VerifyCard(header http.Header, apiSecret connections.Secret, now time.Time) (time.Time, error) {
	timestamp := header.Get("x-ddpaas-signature-timestamp")
	return verify(timestamp, header.Get("x-ddpaas-signature"), apiSecret, timestamp, now)
}

func verify(timestamp, signature string, secret connections.Secret, signed string, now time.Time) (time.Time, error) {
	switch {
	case secret == "":
		return time.Time{}, ErrNoSecret
	case timestamp == "" || signature == "":
		return time.Time{}, ErrUnsigned
	}
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte(signed))
	got, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		return time.Time{}, ErrSignature
	}
	at, ok := signedAt(timestamp, now)
	if !ok {
		return time.Time{}, ErrClock
	}
	return at, nil
}

// signedAt reads a time in milliseconds and reports whether it is near enough to now.
func signedAt(timestamp string, now time.Time) (time.Time, bool) {
	ms, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	at := time.UnixMilli(ms).UTC()
	return at, !at.Before(now.Add(-MaxClock)) && !at.After(now.Add(MaxClock))
}
