package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/dingdag/dingdag/render"
	"github.com/dingdag/dingdag/store"
)

// Over is the store as it will be once the result is applied: with its XComs. Callbacks about
// the end of a try are rendered before it is written.
func (r *Result) Over(s render.Reader) render.Reader {
	return applied{s, &r.Instance, r.XComs}
}

// applied is a store in which an instance has these XComs.
type applied struct {
	render.Reader
	in  *store.Instance
	own map[string]json.RawMessage
}

// XCom is the own one, or that of the store.
func (a applied) XCom(ctx context.Context, runKey int64, taskID string, mapIndex int, key string) (json.RawMessage, error) {
	if v, ok := a.own[key]; ok && runKey == a.in.RunKey && taskID == a.in.TaskID && mapIndex == a.in.MapIndex {
		return v, nil
	}
	return a.Reader.XCom(ctx, runKey, taskID, mapIndex, key)
}

// XComs are those of the store with the own one in its place.
func (a applied) XComs(ctx context.Context, runKey int64, taskID, key string) ([]store.MappedXCom, error) {
	xs, err := a.Reader.XComs(ctx, runKey, taskID, key)
	v, ok := a.own[key]
	if err != nil || !ok || runKey != a.in.RunKey || taskID != a.in.TaskID {
		return xs, err
	}
	xs = slices.DeleteFunc(xs, func(x store.MappedXCom) bool { return x.MapIndex == a.in.MapIndex })
	xs = append(xs, store.MappedXCom{MapIndex: a.in.MapIndex, Value: v})
	slices.SortFunc(xs, func(x, y store.MappedXCom) int { return cmp.Compare(x.MapIndex, y.MapIndex) })
	return xs, nil
}
