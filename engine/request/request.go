// Package request is what people and other processes ask the engine for, and the answers:
// manual runs, backfills, task instances that are to run again, states set by hand. It says what
// is wrong with a request, and reads and changes nothing.
package request

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// The kinds of requests.
const (
	KindClear    = "clear"
	KindMark     = "mark"
	KindTrigger  = "trigger"
	KindBackfill = "backfill"
	KindRespond  = "respond"
	KindEmit     = "emit"
	KindRemove   = "remove"
)

// Encode encodes a request or an answer, with the texts in it as they are.
func Encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode a request: %w", err)
	}
	return b.Bytes(), nil
}
