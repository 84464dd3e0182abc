// Package secret makes and compares what people and programs prove by who they are: passwords and tokens. What is
// stored of either is a hash.
package secret

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/dingdag/dingdag/phrase"
)

// The cost of a password's hash: 19 MiB, two passes, one thread, as OWASP advises.
const (
	memory  = 19 << 10 // KiB
	passes  = 2
	threads = 1
	size    = 32
	saltLen = 16
)

// The most that a stored hash may cost, so that a row that somebody changed holds up no sign-in.
const (
	maxMemory = 256 << 10
	maxPasses = 16
)

// How many characters a password has at least, and how many bytes at most.
const (
	MinPassword = 10
	MaxPassword = 1024
)

// CheckPassword tells what is wrong with a new password of a user.
func CheckPassword(user, password string) error {
	switch {
	case utf8.RuneCountInString(password) < MinPassword:
		return phrase.Err("password.short", MinPassword)
	case len(password) > MaxPassword:
		return phrase.Err("password.long", MaxPassword)
	case !utf8.ValidString(password):
		return phrase.Err("password.text")
	case strings.EqualFold(user, password):
		return phrase.Err("password.name")
	}
	return nil
}

// text is how salts and hashes are written.
var text = base64.RawStdEncoding.Strict() //nolint:gochecknoglobals // a constant

// HashPassword is what is stored of a password: argon2id with a salt, in the form of PHC strings.
func HashPassword(password string) string {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // it never fails
	hash := argon2.IDKey([]byte(password), salt, passes, memory, threads, size)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, threads, text.EncodeToString(salt), text.EncodeToString(hash))
}

// IsPassword reports whether a password is that of a stored hash. It takes as long for a wrong one as for the right one. A hash
// that cannot be read is an error.
func IsPassword(hash, password string) (bool, error) {
	fields := strings.Split(hash, "$")
	var version, m, t, p uint32
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" {
		return false, errors.New("the stored password is no argon2id hash")
	}
	if _, err := fmt.Sscanf(fields[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false, errors.New("the stored password has a version of argon2 that is not known")
	}
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &m, &t, &p); err != nil || t < 1 || t > maxPasses || m > maxMemory || p < 1 || p > 8 {
		return false, errors.New("the stored password has parameters that are not allowed")
	}
	salt, err := text.DecodeString(fields[4])
	want, werr := text.DecodeString(fields[5])
	if err != nil || werr != nil || len(want) < 16 || len(want) > 64 {
		return false, errors.New("the stored password is cut off")
	}
	if len(password) > MaxPassword {
		password = password[:MaxPassword+1] // which no password is
	}
	got := argon2.IDKey([]byte(password), salt, t, m, uint8(p), uint32(len(want))) //nolint:gosec // both are bounded above
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// nobodys is a hash to compare with when there is no user, so that it takes as long.
var nobodys = sync.OnceValue(func() string { return HashPassword(rand.Text()) }) //nolint:gochecknoglobals // a constant of the process

// Nobodys is a hash that no password has.
func Nobodys() string { return nobodys() }
