package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/dingdag/dingdag/connections"
)

// Prefix begins every token, so that people and scanners know one when they see it.
const Prefix = "dd_"

// tokenBytes is how much of a token is random.
const tokenBytes = 32

// NewToken is a token that nobody can guess.
func NewToken() connections.Secret {
	b := make([]byte, tokenBytes)
	_, _ = rand.Read(b) // it never fails
	return connections.Secret(Prefix + base64.RawURLEncoding.EncodeToString(b))
}

// HashToken is what a token is stored and found by. A token is random, so that a fast hash without a salt is enough; looking
// one up by it tells nothing by its time about any other.
func HashToken(token connections.Secret) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return hex.EncodeToString(sum[:])
}

// IsToken reports whether a text can be a token.
func IsToken(text string) bool {
	rest, ok := strings.CutPrefix(text, Prefix)
	return ok && len(rest) == base64.RawURLEncoding.EncodedLen(tokenBytes)
}

// FormToken is what the forms of a session bear, which a page of another site cannot know. It tells nothing about the token.
func FormToken(session connections.Secret) string {
	h := hmac.New(sha256.New, []byte(session.Reveal()))
	h.Write([]byte("form"))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// IsFormToken reports whether a form bears the token of a session.
func IsFormToken(session connections.Secret, got string) bool {
	return hmac.Equal([]byte(FormToken(session)), []byte(got))
}
