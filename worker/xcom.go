package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/render"
)

// ReturnValue is the XCom key of a task's result.
const ReturnValue = "return_value"

// maxXCom bounds one XCom. What is larger belongs into a file or a database.
const maxXCom = 1 << 20

func encodeXCom(v any) (json.RawMessage, error) {
	b, err := json.Marshal(params.FloatNumbers(v))
	if err != nil {
		return nil, fmt.Errorf("encode the result as XCom: %w", err)
	}
	if len(b) > maxXCom {
		return nil, fmt.Errorf("the result has %d bytes as JSON, an XCom may have %d: store it elsewhere and return its place, or set do_xcom_push: false", len(b), maxXCom)
	}
	return b, nil
}

// outputs are the keys of a result with multiple_outputs, none without a result.
func outputs(v json.RawMessage) (m map[string]json.RawMessage, err error) {
	if v == nil {
		return nil, nil
	}
	if err := json.Unmarshal(v, &m); err != nil {
		return nil, errors.New("multiple_outputs: the result is not a mapping: return one, or leave multiple_outputs out")
	}
	return m, nil
}

// xcoms are the XComs of a try's run.
type xcoms struct{ y *Try }

var _ operator.XCom = xcoms{}

// Pull returns the JSON of one XCom, or nil; of a mapped task the list of all.
func (x xcoms) Pull(ctx context.Context, taskID, key string) (json.RawMessage, error) {
	return render.Pull(ctx, x.y.w.o.Store, x.y.plan.DAG, x.y.run.Key, taskID, key, nil)
}

// Push keeps a value for the end of the try.
func (x xcoms) Push(key string, value any) error {
	b, err := encodeXCom(value)
	if err != nil {
		return err
	}
	return x.y.push(key, b)
}

// push keeps an XCom until the try ends.
func (y *Try) push(key string, value json.RawMessage) error {
	switch {
	case key == "":
		return errors.New("xcom_push: the key is empty")
	case len(value) > maxXCom:
		return fmt.Errorf("xcom_push: %q has %d bytes as JSON, an XCom may have %d", key, len(value), maxXCom)
	}
	y.pushMu.Lock()
	defer y.pushMu.Unlock()
	if y.pushed == nil {
		y.pushed = map[string]json.RawMessage{}
	}
	y.pushed[key] = value
	return nil
}

// pushedXComs are those that the try has pushed so far.
func (y *Try) pushedXComs() map[string]json.RawMessage {
	y.pushMu.Lock()
	defer y.pushMu.Unlock()
	return maps.Clone(y.pushed)
}
