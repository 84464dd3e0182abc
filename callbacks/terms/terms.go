// Package terms declares, once for all notifiers, the parameters that say on which terms a message
// leaves.
package terms

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"strings"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Docs are the comments of the parameters, for the structs that embed them.
func Docs() params.Docs { return params.ParseDocs(docsJSON) }

// Common are the parameters. They are of no payload.
type Common struct {
	// DedupeKey is the same for messages of which one is enough for a time, for instance
	// disk-full. While an earlier message to the same receiver, about the same kind of event and with
	// the same key is younger than dedupe_window, a message is silenced; when the time is over, one
	// message says how many there were. Without a key each message is sent.
	DedupeKey string `yaml:"dedupe_key" json:"-" param:"template"`
	// DedupeWindow is how long after a message others with its dedupe_key are silenced. Without a
	// key it is an error.
	DedupeWindow time.Duration `yaml:"dedupe_window" json:"-" param:"default=1h,min=1s,needs=dedupe_key"`
}

// maxKey is how many bytes a key has at most. A longer one ends in a hash.
const maxKey = 200

// Terms are those of a notifier whose templates have been rendered.
func (c *Common) Terms() callbacks.Terms {
	key := strings.Join(strings.Fields(callbacks.Clean(c.DedupeKey)), " ")
	if len(key) > maxKey {
		sum := sha256.Sum256([]byte(key))
		key = strings.ToValidUTF8(key[:maxKey-2*len(sum)-1], "") + "-" + hex.EncodeToString(sum[:])
	}
	return callbacks.Terms{DedupeKey: key, DedupeWindow: c.DedupeWindow}
}
