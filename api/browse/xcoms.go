package browse

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

// XComFilter selects XComs. Zero fields select everything.
type XComFilter struct {
	listing.XComs

	// NameLike is about the display names of DAGs.
	NameLike Like
}

// XCom is a value that a task left for others.
type XCom struct {
	Run      *Run
	TaskID   string
	MapIndex int
	Key      string
	At       time.Time
	// Value is JSON, with secrets masked; nil in lists.
	Value json.RawMessage
}

// TaskName is how people call its task.
func (x *XCom) TaskName() string {
	if x.Run.DAG != nil {
		if t := x.Run.DAG.Task(x.TaskID); t != nil {
			return TaskName(t)
		}
	}
	return x.TaskID
}

// XComs lists XComs, without their values, of the DAGs that whoever asks may read.
func (b *Browser) XComs(ctx context.Context, f XComFilter, p Page) ([]*XCom, int, error) {
	if len(f.NameLike) > 0 {
		ids, err := b.called(ctx, f.NameLike, f.Runs.DAGIDs)
		if err != nil {
			return nil, 0, err
		}
		f.Runs.DAGIDs = ids
	}
	if err := b.limit(ctx, &f.Runs); err != nil {
		return nil, 0, err
	}
	rows, n, err := b.o.Lists.ListXComs(ctx, f.XComs, p)
	if err != nil {
		return nil, 0, err
	}
	out := make([]*XCom, len(rows))
	for i, x := range rows {
		out[i] = &XCom{Run: &Run{*x.Run, b.restored(ctx, x.Run.Version)}, TaskID: x.TaskID, MapIndex: x.MapIndex, Key: x.Key, At: x.At}
	}
	return out, n, nil
}

// called are the DAGs with such a display name, of those that are named; nil stands for every one.
func (b *Browser) called(ctx context.Context, l Like, named []string) ([]string, error) {
	all, err := b.summaries(ctx)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, s := range all {
		d := DAG{Summary: *s}
		if l.Match(d.Name()) && (named == nil || len(named) == 1 && named[0] == s.ID) {
			out = append(out, s.ID)
		}
	}
	return out, nil
}

// XComOf names an XCom.
type XComOf struct {
	DAGID, RunID, TaskID string
	MapIndex             int
	Key                  string
}

// XCom is one XCom. Its error wraps [api.ErrNotFound] when there is none.
func (b *Browser) XCom(ctx context.Context, of XComOf) (*XCom, error) {
	found, _, err := b.XComs(ctx, XComFilter{XComs: listing.XComs{
		Runs: RunFilter{DAGIDs: []string{of.DAGID}, RunIDs: []string{of.RunID}}, TaskIDs: []string{of.TaskID}, Key: &of.Key, MapIndexes: [][]int{{of.MapIndex}},
	}}, Page{Limit: 1})
	if err != nil {
		return nil, err
	}
	gone := store.Missing("XCom entry with key: `%s` not found", of.Key)
	if len(found) == 0 {
		return nil, gone
	}
	value, err := b.o.Store.XCom(ctx, found[0].Run.Key, of.TaskID, of.MapIndex, of.Key)
	if err != nil {
		return nil, err
	}
	if value == nil { // it went between the two looks
		return nil, gone
	}
	found[0].Value = b.o.API.MaskJSON(value)
	return found[0], nil
}

// maxXCom bounds an XCom, as for tasks.
const maxXCom = 1 << 20

// AddXCom leaves an XCom where there is none; the error of one that is there wraps [api.ErrExists].
func (b *Browser) AddXCom(ctx context.Context, of XComOf, value json.RawMessage) (*XCom, error) {
	return b.setXCom(ctx, of, value, false)
}

// SetXCom changes an XCom. Its error wraps [api.ErrNotFound] when there is none.
func (b *Browser) SetXCom(ctx context.Context, of XComOf, value json.RawMessage) (*XCom, error) {
	return b.setXCom(ctx, of, value, true)
}

func (b *Browser) setXCom(ctx context.Context, of XComOf, value json.RawMessage, there bool) (*XCom, error) {
	r, err := b.Run(ctx, of.DAGID, of.RunID)
	if err != nil {
		return nil, err
	}
	if !there && (r.DAG == nil || r.DAG.Task(of.TaskID) == nil) {
		return nil, store.Missing("Task with ID: `%s` not found in dag: `%s`", of.TaskID, of.DAGID)
	}
	if len(value) > maxXCom {
		return nil, &api.FieldError{Field: "value", Err: fmt.Errorf("it has %d bytes as JSON, an XCom may have %d: store it elsewhere, and give its place", len(value), maxXCom)}
	}
	err = b.editXCom(ctx, of, store.EventXComSet, func(tx store.Tx, key int64, at time.Time) error {
		was, err := tx.XCom(ctx, key, of.TaskID, of.MapIndex, of.Key)
		switch {
		case err != nil:
			return err
		case there && was == nil:
			return store.Missing("The XCom with key: `%s` with mentioned task instance doesn't exist.", of.Key)
		case !there && was != nil:
			return existsError{fmt.Sprintf("The XCom with key: `%s` with mentioned task instance already exists.", of.Key)}
		}
		return tx.EditXCom(ctx, key, of.TaskID, of.MapIndex, of.Key, value, at)
	})
	if err != nil {
		return nil, err
	}
	return b.XCom(ctx, of)
}

// existsError says that there is such a thing already.
type existsError struct{ text string }

func (e existsError) Error() string { return e.text }

func (existsError) Unwrap() error { return api.ErrExists }

// RemoveXCom removes an XCom. Its error wraps [api.ErrNotFound] when there is none.
func (b *Browser) RemoveXCom(ctx context.Context, of XComOf) error {
	return b.editXCom(ctx, of, store.EventXComDelete, func(tx store.Tx, key int64, _ time.Time) error {
		was, err := tx.DeleteXCom(ctx, key, of.TaskID, of.MapIndex, of.Key)
		if err == nil && !was {
			err = store.Missing("XCom entry with key: `%s` not found", of.Key)
		}
		return err
	})
}

// editXCom changes an XCom of a run that is still there, and keeps who did.
func (b *Browser) editXCom(ctx context.Context, of XComOf, kind store.EventKind, edit func(tx store.Tx, runKey int64, at time.Time) error) error {
	if _, ok := access.From(ctx); !ok {
		return access.ErrUnknown
	}
	extra, err := json.Marshal(map[string]string{"key": of.Key})
	if err != nil {
		return err
	}
	if _, err := b.Run(ctx, of.DAGID, of.RunID); err != nil {
		return err
	}
	return b.o.Store.Tx(ctx, func(tx store.Tx) error {
		r, err := tx.RunByID(ctx, of.DAGID, of.RunID)
		if err != nil {
			return err
		}
		at := b.o.Clock()
		if err := edit(tx, r.Key, at); err != nil {
			return err
		}
		return tx.InsertEvents(ctx, &store.Event{
			At: at, Actor: Actor(ctx), Kind: kind, DAGID: of.DAGID, RunID: of.RunID, TaskID: of.TaskID,
			MapIndex: of.MapIndex, Extra: extra,
		})
	})
}

// Results are the return values of tasks of a run, secrets masked; of a mapped task a list of all. Tasks without
// one are left out.
func (b *Browser) Results(ctx context.Context, r *Run, taskIDs []string) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for _, id := range taskIDs {
		var t *dag.Task
		if r.DAG != nil {
			t = r.DAG.Task(id)
		}
		if t == nil || t.Mapping == nil {
			v, err := b.o.Store.XCom(ctx, r.Key, id, -1, returnValue)
			if err != nil {
				return nil, err
			}
			if v != nil {
				out[id] = b.o.API.MaskJSON(v)
			}
			continue
		}
		all, err := b.o.Store.XComs(ctx, r.Key, id, returnValue)
		if err != nil {
			return nil, err
		}
		list := []json.RawMessage{}
		for _, x := range all {
			list = append(list, b.o.API.MaskJSON(x.Value))
		}
		if len(list) > 0 {
			if out[id], err = json.Marshal(list); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// returnValue is the key of what a task returns.
const returnValue = "return_value"

// PythonJSON is JSON as Python writes it: with a space behind commas and colons, and no letter beyond ASCII.
func PythonJSON(b json.RawMessage) string {
	var out strings.Builder
	text := false
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r >= utf8.RuneSelf && r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		case r >= utf8.RuneSelf:
			fmt.Fprintf(&out, `\u%04x`, r)
		case text && r == '\\' && i+1 < len(b):
			out.WriteByte('\\')
			out.WriteByte(b[i+1])
			n = 2
		case r == '"':
			text = !text
			out.WriteByte('"')
		case !text && (r == ',' || r == ':'):
			out.WriteRune(r)
			out.WriteByte(' ')
		case !text && (r == ' ' || r == '\n' || r == '\t' || r == '\r'):
		default:
			out.WriteRune(r)
		}
		i += n
	}
	return out.String()
}
