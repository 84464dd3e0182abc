// Package signed makes and reads links that bear a right: whoever has one may do what its page does, until it expires. Nothing
// of them is stored, and nobody without the key can make one.
package signed

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Life is how long a link is good for.
const Life = 7 * 24 * time.Hour

// Why a link is not read.
var (
	ErrForged  = errors.New("the link was changed, cut off, or signed with another key")
	ErrExpired = errors.New("the link has expired")
)

// Link is what a link says.
type Link struct {
	// Purpose is the page that it leads to, the last but one part of its path.
	Purpose string
	// Subject is what it is about, as the page knows it.
	Subject string
	// People are the userids of those whom it was sent to; none for a group, whose members all have it.
	People []string
	// Nonce tells it from all others, and names what was done by it.
	Nonce string
	// Expires is from when on it is not read any more, to the second.
	Expires time.Time
}

// Signer makes and reads links. It is safe for concurrent use.
type Signer struct {
	base  string
	key   []byte
	clock func() time.Time
}

// New returns a signer of links below a base address, which has no slash at its end.
func New(base string, key []byte, clock func() time.Time) *Signer { return &Signer{base, key, clock} }

// URL is a new link for people, or for whoever has it, which is good for [Life].
func (s *Signer) URL(purpose, subject string, people []string) (string, error) {
	token, err := s.token(Link{Purpose: purpose, Subject: subject, People: people, Nonce: rand.Text(), Expires: s.clock().Add(Life)})
	if err != nil {
		return "", err
	}
	return s.base + "/" + purpose + "/" + token, nil
}

// Hide is a text with *** in place of the tokens of links, for whoever may read the text and not do what the links do.
func Hide(s string) string { return tokens.ReplaceAllString(s, "***") }

// tokens are those that [Signer.token] writes: {"s": as its first text, and 32 bytes as its second.
var tokens = regexp.MustCompile(`eyJzIjo[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}`) //nolint:gochecknoglobals // a constant

// written is a link in its token, which needs no purpose.
type written struct {
	Subject string   `json:"s"`
	People  []string `json:"p,omitempty"`
	Nonce   string   `json:"n"`
	Expires int64    `json:"e"`
}

func (s *Signer) token(l Link) (string, error) {
	body, err := json.Marshal(written{l.Subject, l.People, l.Nonce, l.Expires.Unix()})
	if err != nil {
		return "", fmt.Errorf("write a link: %w", err)
	}
	return text.EncodeToString(body) + "." + text.EncodeToString(s.mac(l.Purpose, body)), nil
}

// text is how bytes stand in a path, in one way only.
var text = base64.RawURLEncoding.Strict() //nolint:gochecknoglobals // a constant

// mac signs what a link says, for its purpose alone.
func (s *Signer) mac(purpose string, body []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(purpose + "\x00")) // a purpose is part of a path
	h.Write(body)
	return h.Sum(nil)
}

// Read is what the token of a link for a purpose says. The error is [ErrForged] or [ErrExpired]; the link is known with the latter.
func (s *Signer) Read(purpose, token string) (Link, error) {
	first, second, ok := strings.Cut(token, ".")
	body, err := text.DecodeString(first)
	mac, merr := text.DecodeString(second)
	if !ok || err != nil || merr != nil || !hmac.Equal(mac, s.mac(purpose, body)) {
		return Link{}, ErrForged
	}
	var w written
	if err := json.Unmarshal(body, &w); err != nil {
		return Link{}, ErrForged
	}
	l := Link{Purpose: purpose, Subject: w.Subject, People: w.People, Nonce: w.Nonce, Expires: time.Unix(w.Expires, 0).UTC()}
	if !s.clock().Before(l.Expires) {
		return l, ErrExpired
	}
	return l, nil
}
