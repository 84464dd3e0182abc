package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/render"
	"github.com/dingdag/dingdag/store"
)

// maxImportText is how many bytes of the errors of a file are kept.
const maxImportText = 4000

// broken is what a load could not load.
type broken struct {
	files map[string]string // by path: the errors
	dags  map[string]string // by id, of DAGs that were known: the errors
}

// findBroken tells the DAGs that are broken from those that are gone: the errors of a load
// name them, or the file in which they were.
func (e *Engine) findBroken(found dag.Diagnostics, known map[string]*store.DAGState, next map[string]*dag.DAG) broken {
	b := broken{files: map[string]string{}, dags: map[string]string{}}
	add := func(to map[string]string, key string, d dag.Diagnostic) {
		text := e.o.Masker.Mask(d.String())
		if before := to[key]; before != "" {
			text = before + "\n" + text
		}
		if len(text) <= maxImportText || to[key] == "" {
			to[key] = text
		}
	}
	wholly := map[string]dag.Diagnostics{} // by path: errors of no DAG in particular
	ofDAG := map[string]dag.Diagnostics{}
	for _, d := range found {
		switch {
		case d.Severity != dag.Error:
			continue
		case d.DAGID == "":
			wholly[d.File] = append(wholly[d.File], d)
		default:
			ofDAG[d.DAGID] = append(ofDAG[d.DAGID], d)
		}
		add(b.files, d.File, d)
	}
	for id, s := range known {
		if next[id] != nil || !s.Active {
			continue
		}
		for _, d := range slices.Concat(ofDAG[id], wholly[s.File]) {
			add(b.dags, id, d)
		}
	}
	return b
}

// recordBroken notes what is broken since now and what is mended, and tells
// on_import_error, once each. It returns the DAGs that are broken.
func (c *change) recordBroken(b broken) (map[string]*store.ImportError, error) {
	open, err := c.OpenImportErrors(c.ctx)
	if err != nil {
		return nil, err
	}
	var (
		dags        = map[string]*store.ImportError{}
		fresh, over []*store.ImportError
		seen        = map[string]bool{}
	)
	for _, i := range open {
		text, still := b.files[i.File], b.files[i.File] != ""
		if i.DAGID != "" {
			text, still = b.dags[i.DAGID], b.dags[i.DAGID] != ""
		} else {
			seen[i.File] = true
		}
		switch {
		case !still:
			i.Until = c.now
			over = append(over, i)
		case i.DAGID != "":
			dags[i.DAGID] = i
		}
		if still && text == i.Text {
			continue
		}
		if still {
			i.Text = text
		}
		if err := c.PutImportError(c.ctx, i); err != nil {
			return nil, err
		}
	}
	for _, file := range slices.Sorted(maps.Keys(b.files)) {
		if !seen[file] {
			fresh = append(fresh, &store.ImportError{File: file, Since: c.now, Text: b.files[file]})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(b.dags)) {
		if dags[id] == nil {
			s, err := c.DAG(c.ctx, id)
			if err != nil {
				return nil, err
			}
			dags[id] = &store.ImportError{File: s.File, DAGID: id, Since: c.now, Text: b.dags[id]}
			fresh = append(fresh, dags[id])
		}
	}
	for _, i := range fresh {
		if err := c.PutImportError(c.ctx, i); err != nil {
			return nil, err
		}
	}
	c.tellBroken("broken", fresh)
	c.tellBroken("mended", over)
	return dags, nil
}

// tellBroken lets on_import_error speak of files, in one message.
func (c *change) tellBroken(state string, list []*store.ImportError) {
	var files []callbacks.BrokenFile
	for _, i := range list {
		if i.DAGID != "" {
			continue
		}
		f := callbacks.BrokenFile{File: i.File, Since: i.Since, Until: render.Moment(i.Until), Error: i.Text, Gone: state == "mended" && gone(i.File)}
		for _, d := range list {
			if d.DAGID != "" && d.File == i.File {
				f.DAGs = append(f.DAGs, d.DAGID)
			}
		}
		files = append(files, f)
	}
	if len(files) == 0 || len(c.e.onImportError) == 0 {
		return
	}
	ev := c.e.event(callbacks.ImportError, &dag.DAG{Location: c.e.o.Location})
	ev.State, ev.Files = state, files
	ev.Reason = fmt.Sprintf("%s is %s", files[0].File, state)
	if n := len(files); n > 1 {
		ev.Reason = fmt.Sprintf("%d DAG files are %s", n, state)
	}
	texts := make([]string, len(files))
	for i, f := range files {
		texts[i] = f.Error
	}
	errs := strings.Join(texts, "\n")
	if state == "broken" {
		ev.Error = errs
	}
	p := &plan{d: &dag.DAG{Location: c.e.o.Location, Pos: dag.Position{File: files[0].File}}}
	tc := c.e.render.Context(c.ctx, c, p.d, &store.Run{}, nil, nil)
	tc.Reason, tc.Exception = ev.Reason, errs // those that were, once they are mended
	names := make([]any, len(files))
	for i, f := range files {
		names[i] = map[string]any{"file": f.File, "since": f.Since, "dags": anyList(f.DAGs), "error": f.Error, "gone": f.Gone}
	}
	tc.Extra = map[string]any{"state": state, "files": names}
	c.Message(c.e.prepare(p, c.e.onImportError, ev, tc)...)
}

func anyList(texts []string) []any {
	out := make([]any, len(texts))
	for i, s := range texts {
		out[i] = s
	}
	return out
}

// gone reports whether a file is no longer there.
func gone(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// brokenNow says since when the file of a DAG can't be loaded, or nothing. problem is what
// a load just found; the record of the process that schedules goes before it.
func brokenNow(ctx context.Context, r store.Reader, dagID, problem string) (string, error) {
	all, err := r.ImportErrors(ctx, dagID)
	if err != nil {
		return "", err
	}
	if n := len(all); n > 0 && all[n-1].Until.IsZero() {
		return fmt.Sprintf("the DAG can't be loaded since %s, so it gets no new runs: %s", schedule.Moment(all[n-1].Since), schedule.FirstProblem(all[n-1].Text)), nil
	}
	if problem != "" {
		return "the DAG can't be loaded: " + schedule.FirstProblem(problem), nil
	}
	return "", nil
}

// WhyBroken tells like [WhyRun] of a DAG whose file can't be loaded, because of problem: by
// the schedule of the last version that could be. It is nil when nobody has seen the DAG.
func (e *Engine) WhyBroken(ctx context.Context, dagID string, at, now time.Time, problem string) (*Why, error) {
	s, err := e.store.DAG(ctx, dagID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := e.lastGood(ctx, s)
	if err != nil {
		return nil, err
	}
	if d != nil {
		return whyRun(ctx, e.store, d, at, now, problem)
	}
	why, err := brokenNow(ctx, e.store, dagID, problem)
	return &Why{Reason: why}, err
}

// lastGood is the last version of a DAG that the store has and that can be loaded, or nil.
func (e *Engine) lastGood(ctx context.Context, s *store.DAGState) (*dag.DAG, error) {
	versions := []string{s.Version}
	rs, err := e.store.Runs(ctx, store.RunFilter{DAGID: s.ID, Limit: 1})
	if err != nil {
		return nil, err
	}
	for _, r := range rs {
		versions = append(versions, r.Version)
	}
	for _, v := range versions {
		src, err := e.store.Version(ctx, v)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if d, err := dagfile.Restore(src, e.Catalog(), dagfile.Options{}); err == nil {
			return d, nil
		}
	}
	return nil, nil
}
