package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/store"
)

// renderedAfter is how long a try may run before what it rendered is stored by itself: one
// that hangs can then be looked at. Shorter ones store it with their result.
const renderedAfter = time.Second

// RenderedField is a templated field and what it renders to.
type RenderedField struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// noteRendered remembers what the try has rendered, unless it is what the file says anyhow:
// that can be read from the version of the DAG.
func (y *Try) noteRendered(op operator.Operator) {
	if y.w.o.RenderedLength <= 0 || y.in.RunKey == 0 || y.sameFields(op) {
		return
	}
	fields := y.renderedFields(op)
	for i := range fields {
		fields[i].Value = cutValue(fields[i].Value, y.w.o.RenderedLength)
	}
	b, err := encodeFields(fields)
	if err != nil {
		y.log.Warn("the rendered fields are not kept", "error", err)
		return
	}
	y.rendered.Store(&store.RenderedTry{
		RunKey: y.in.RunKey, DAGID: y.run.DAGID, TaskID: y.in.TaskID, MapIndex: y.in.MapIndex, Try: y.in.Try, At: y.w.now(), Fields: b,
	})
}

// sameFields reports whether the templated fields of an operator are as in the file. Those of a
// mapped task never are.
func (y *Try) sameFields(op operator.Operator) bool {
	if y.task.Mapping != nil {
		return false
	}
	now, file := y.task.Spec.Values(op), y.task.Spec.Values(y.task.Op)
	for _, f := range y.task.Spec.Fields() {
		if f.Rendered() && !reflect.DeepEqual(now[f.Name], file[f.Name]) {
			return false
		}
	}
	return true
}

// renderedFields are the templated fields of an operator of the task, secrets masked.
func (y *Try) renderedFields(op operator.Operator) []RenderedField {
	values := y.task.Spec.Values(op)
	var out []RenderedField
	for _, f := range y.task.Spec.Fields() {
		switch {
		case !f.Rendered():
		case f.Secret:
			out = append(out, RenderedField{f.Name, "***"})
		default:
			out = append(out, RenderedField{f.Name, params.FloatNumbers(y.w.maskValue(values[f.Name]))})
		}
	}
	return out
}

// cutValue bounds a value: a longer one becomes the beginning of its text, which says so.
func cutValue(v any, limit int) any {
	s, ok := v.(string)
	if !ok {
		b, err := encodeFields(v)
		if err != nil || len(b) <= limit {
			return v // what can't be encoded is told of by the caller
		}
		s = string(b)
	}
	if len(s) <= limit {
		return v
	}
	end := limit
	for end > 0 && s[end]&0xc0 == 0x80 { // not within a character
		end--
	}
	return fmt.Sprintf("%s… (cut: %d bytes in all)", s[:end], len(s))
}

// encodeFields is JSON with the signs of queries and markup as they are.
func encodeFields(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// keepRendered stores what a try that goes on has rendered. One that can't be stored now
// is stored with the result.
func (y *Try) keepRendered(ctx context.Context) {
	r := y.rendered.Load()
	if r == nil {
		return
	}
	if err := y.w.o.Keep.KeepRendered(context.WithoutCancel(ctx), r); err == nil {
		y.rendered.CompareAndSwap(r, nil)
	}
}

// Fields renders the templated fields of the task as its operator gets them, secrets masked. Same
// says that they hold no template, so that they are the same in every try.
func (y *Try) Fields(ctx context.Context) (fields []RenderedField, same bool, err error) {
	op, err := y.render(ctx)
	if err != nil {
		return nil, false, errors.New(y.w.o.Masker.Mask(err.Error()))
	}
	return y.renderedFields(op), y.sameFields(op), nil
}

// maskValue masks every text in a value.
func (w *Worker) maskValue(v any) any {
	switch v := v.(type) {
	case string:
		return w.o.Masker.Mask(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = w.maskValue(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = w.maskValue(x)
		}
		return out
	default:
		return v
	}
}
