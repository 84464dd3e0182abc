// Package overview answers what pages show at a glance: what went wrong lately, how all DAGs are, and the history of one
// as a grid. Its questions cost the same however long the history is.
package overview

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Options are what an [Overview] stands on. All but Shapes are required.
type Options struct {
	API    *api.API
	Store  store.Reader
	Folder api.Folder
	// Shapes remembers how versions of DAGs look, for all overviews of a process. Nil remembers nothing.
	Shapes *Shapes
	Masker *connections.Masker
	Clock  func() time.Time
}

// Overview answers. It may be used by several at once.
type Overview struct{ o Options }

// New returns an overview.
func New(o Options) *Overview { return &Overview{o} }

// API answers what is not at a glance.
func (o *Overview) API() *api.API { return o.o.API }

// Scope reports whether whoever asks may see a DAG. A nil Scope has all.
type Scope func(id string, tags, owners []string) bool

// has reports whether a DAG is in the scope.
func (s Scope) has(h *Head) bool { return s == nil || s(h.ID, h.Tags, h.Owners) }

// Head is what is at the top of every page about a DAG.
type Head struct {
	ID          string
	Description string
	// File is where it is, with Line; 0 when nobody knows.
	File string
	Line int
	// Owners are those that its file names.
	Owners   []string
	Tags     []string
	Schedule string
	// OnAssets says that updates of assets start it.
	OnAssets bool
	// Timed says that the schedule has moments, which can be counted and filled.
	Timed  bool
	Tasks  int
	Paused bool
	// Next is when the schedule makes the next run, or nil.
	Next *time.Time
	// Gone says that no file has it any more, Problems why its file can't be loaded; empty when it can.
	Gone     bool
	Problems string
}

// headOf is the head of a DAG that can be loaded.
func headOf(d *dag.Summary) Head {
	return Head{
		ID: d.ID, Description: d.Description, File: d.Pos.File, Line: d.Pos.Line, Owners: owners(d.Owner), Tags: d.Tags, Schedule: d.ScheduleSummary,
		OnAssets: d.OnAssets, Timed: !timetable.Unscheduled(d.Timetable), Tasks: d.Tasks,
	}
}

// owners are the people or teams in a text that names them by commas.
func owners(text string) (out []string) {
	for o := range strings.SplitSeq(text, ",") {
		if o = strings.TrimSpace(o); o != "" {
			out = append(out, o)
		}
	}
	return out
}

// Head finds a DAG: in its file, or as the store knows it when the file is broken or gone. The error of an unknown one
// wraps [api.ErrNotFound] and names the nearest.
func (o *Overview) Head(ctx context.Context, dagID string) (*Head, error) {
	all, _, err := o.o.Folder.DAGs()
	if err != nil {
		return nil, err
	}
	st, err := o.o.Store.DAG(ctx, dagID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	for _, d := range all {
		if d.ID != dagID {
			continue
		}
		h := headOf(d)
		if st != nil {
			h.Paused = st.Paused
		} else if h.Paused, err = o.pausedWhenNew(ctx, dagID); err != nil {
			return nil, err
		}
		h.Next, err = o.o.API.NextRunAfter(ctx, d)
		return &h, err
	}
	problem := ""
	if _, err := o.o.Folder.DAG(dagID); err != nil {
		if broken, ok := errors.AsType[*api.BrokenError](err); ok {
			problem = o.o.Masker.Mask(broken.Problems)
		}
	}
	if st == nil && problem == "" {
		ids := make([]string, len(all))
		for i, d := range all {
			ids[i] = d.ID
		}
		return nil, store.NoSuch("dag.unknown", dagID, phrase.Near(yamlvalue.Nearest(dagID, slices.Values(ids))))
	}
	h := &Head{ID: dagID, Gone: problem == "", Problems: problem}
	if st == nil {
		return h, nil
	}
	h.File, h.Paused = st.File, st.Paused
	if d, err := o.o.API.DAGOf(ctx, st.Version); err == nil { // the last version that could be loaded says who may see it
		last := headOf(d.Summary())
		h.Description, h.Owners, h.Tags, h.Schedule, h.Tasks = last.Description, last.Owners, last.Tags, last.Schedule, last.Tasks
	}
	return h, nil
}

// pausedWhenNew reports whether a DAG will be paused that no scheduler has seen yet.
func (o *Overview) pausedWhenNew(ctx context.Context, dagID string) (bool, error) {
	l, _, err := o.o.API.DAGs(ctx, api.DAGQuery{IDs: []string{dagID}})
	return err == nil && len(l.Items) == 1 && l.Items[0].Paused, err
}
