// Package live shows the task logs in the log folder of one machine to the others, while they are written and until they are
// in a log store. Machines that have the same secret key understand each other: a request carries, in a header, a token for one
// log on one machine, which ends soon.
package live

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Path is where the [Handler] is served; what it answers is below.
const Path = "/internal/task-logs/"

// The two questions.
const (
	heldPath = Path + "held" // what there is of a log, as JSON
	textPath = Path + "text" // its text, or the range that is asked for
)

// scheme is that of the header Authorization.
const scheme = "Dingdag-Log "

const (
	// tokenFor is how long a token counts. The clocks of two machines may differ by as much.
	tokenFor = 5 * time.Minute
	// longestToken is how far ahead the end of a token may be, by the clock of who checks it.
	longestToken = 2 * tokenFor
)

// errToken says that a token does not count, whatever the reason is.
var errToken = errors.New("the token does not count")

// Key makes tokens. It is derived from the secret key of the store, and does not tell it.
type Key []byte

// NewKey derives the key from the secret key that all machines have.
func NewKey(secret []byte) (Key, error) {
	if len(secret) == 0 {
		return nil, errors.New("task logs of other machines need the secret key, which all machines have: set secret_key")
	}
	return hkdf.Key(sha256.New, secret, nil, "dingdag: task logs of other machines", sha256.Size)
}

// token is one for a log on a machine until a moment.
func (k Key) token(node, name string, until time.Time) string {
	at := strconv.FormatInt(until.Unix(), 10)
	return at + "." + base64.RawURLEncoding.EncodeToString(k.mac(node, name, at))
}

func (k Key) mac(node, name, until string) []byte {
	m := hmac.New(sha256.New, k)
	for _, part := range []string{node, name, until} { // escaped, so that no two lists of texts are the same
		_, _ = m.Write([]byte(url.QueryEscape(part) + "\n")) // it never fails
	}
	return m.Sum(nil)
}

// check says whether a token counts for a log on a machine now.
func (k Key) check(header, node, name string, now time.Time) error {
	text, ok := strings.CutPrefix(header, scheme)
	until, sum, more := strings.Cut(text, ".")
	given, err := base64.RawURLEncoding.DecodeString(sum)
	if !ok || !more || err != nil || !hmac.Equal(given, k.mac(node, name, until)) {
		return fmt.Errorf("%w: another machine has another secret key (secret_key), or means another machine than %s", errToken, node)
	}
	at, err := strconv.ParseInt(until, 10, 64)
	if err != nil {
		return errToken
	}
	if end := time.Unix(at, 0); !now.Before(end) || end.After(now.Add(longestToken)) {
		return fmt.Errorf("%w now: the clocks of the two machines differ by more than %s", errToken, tokenFor)
	}
	return nil
}
