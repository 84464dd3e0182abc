package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dingdag/dingdag/render"
	"github.com/dingdag/dingdag/store"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

// returnValue is the XCom key of a task's result.
const returnValue = "return_value"

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

// xcoms are the XComs of a try's run.
type xcoms struct{ a *attempt }

var _ operator.XCom = xcoms{}

// Pull returns the JSON of one XCom, or nil; of a mapped task the list of all.
func (x xcoms) Pull(ctx context.Context, taskID, key string) (json.RawMessage, error) {
	return render.Pull(ctx, x.a.e.store, x.a.plan.d, x.a.run.Key, taskID, key, nil)
}

// Push keeps a value for the end of the try.
func (x xcoms) Push(key string, value any) error {
	b, err := encodeXCom(value)
	if err != nil {
		return err
	}
	return x.a.push(key, b)
}

// push keeps an XCom until the try ends.
func (a *attempt) push(key string, value json.RawMessage) error {
	switch {
	case key == "":
		return errors.New("xcom_push: the key is empty")
	case len(value) > maxXCom:
		return fmt.Errorf("xcom_push: %q has %d bytes as JSON, an XCom may have %d", key, len(value), maxXCom)
	}
	a.pushMu.Lock()
	defer a.pushMu.Unlock()
	if a.pushed == nil {
		a.pushed = map[string]json.RawMessage{}
	}
	a.pushed[key] = value
	return nil
}

// putPushed stores what the try has pushed.
func (a *attempt) putPushed(c *change) error {
	a.pushMu.Lock()
	defer a.pushMu.Unlock()
	for k, v := range a.pushed {
		if err := c.PutXCom(c.ctx, a.in.RunKey, a.in.TaskID, a.in.MapIndex, k, v); err != nil {
			return err
		}
	}
	return nil
}

// withOwn reads the store as it will be once a try has ended: with the XComs of the try.
// Its callbacks are rendered before they are written.
type withOwn struct {
	store.Reader
	in  *store.Instance
	own map[string]json.RawMessage
}

// ended is the store as callbacks about the end of the try see it.
func (a *attempt) ended(s dag.State, result json.RawMessage) store.Reader {
	a.pushMu.Lock()
	own := maps.Clone(a.pushed)
	a.pushMu.Unlock()
	if own == nil {
		own = map[string]json.RawMessage{}
	}
	if s == dag.Success && result != nil {
		own[returnValue] = result
		if a.task.t.MultipleOutputs {
			m, _ := outputs(result) // the try has failed already if this does
			maps.Copy(own, m)
		}
	}
	return withOwn{a.e.store, &a.in, own}
}

// XCom is the own one, or that of the store.
func (w withOwn) XCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string) (json.RawMessage, error) {
	if v, ok := w.own[key]; ok && runKey == w.in.RunKey && taskID == w.in.TaskID && mapIndex == w.in.MapIndex {
		return v, nil
	}
	return w.Reader.XCom(ctx, runKey, taskID, mapIndex, key)
}

// XComs are those of the store with the own one in its place.
func (w withOwn) XComs(ctx context.Context, runKey int64, taskID, key string) ([]store.MappedXCom, error) {
	xs, err := w.Reader.XComs(ctx, runKey, taskID, key)
	v, ok := w.own[key]
	if err != nil || !ok || runKey != w.in.RunKey || taskID != w.in.TaskID {
		return xs, err
	}
	xs = slices.DeleteFunc(xs, func(x store.MappedXCom) bool { return x.MapIndex == w.in.MapIndex })
	xs = append(xs, store.MappedXCom{MapIndex: w.in.MapIndex, Value: v})
	slices.SortFunc(xs, func(x, y store.MappedXCom) int { return cmp.Compare(x.MapIndex, y.MapIndex) })
	return xs, nil
}
