package tell

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/plan"
	"github.com/dingdag/dingdag/render"
	"github.com/dingdag/dingdag/store"
)

// Broken lets on_import_error speak of the files among some records that can't be loaded any
// more, in one message.
func (t *Teller) Broken(ctx context.Context, r store.Reader, records []*store.ImportError) []*store.Delivery {
	return t.imports(ctx, r, "broken", records)
}

// Mended lets it speak of those that can be loaded again, or are gone.
func (t *Teller) Mended(ctx context.Context, r store.Reader, records []*store.ImportError) []*store.Delivery {
	return t.imports(ctx, r, "mended", records)
}

func (t *Teller) imports(ctx context.Context, r store.Reader, state string, records []*store.ImportError) []*store.Delivery {
	files := brokenFiles(records, state == "mended")
	if len(files) == 0 {
		return nil
	}
	bound := t.Bound.of(ctx, everything())
	if len(t.OnImportError)+len(bound) == 0 {
		return nil
	}
	ev := t.event(callbacks.ImportError, &dag.DAG{Location: t.Location})
	ev.State, ev.Files = state, files
	ev.Reason = fmt.Sprintf("%s is %s", files[0].File, state)
	if n := len(files); n > 1 {
		ev.Reason = fmt.Sprintf("%d DAG files are %s", n, state)
	}
	texts, names := make([]string, len(files)), make([]any, len(files))
	for i, f := range files {
		texts[i] = f.Error
		names[i] = map[string]any{"file": f.File, "since": f.Since, "dags": anyList(f.DAGs), "error": f.Error, "gone": f.Gone}
	}
	errs := strings.Join(texts, "\n")
	if state == "broken" {
		ev.Error = errs
	}
	p := &plan.Plan{DAG: &dag.DAG{Location: t.Location, Pos: dag.Position{File: files[0].File}}}
	tc := t.Render.Context(ctx, r, p.DAG, &store.Run{}, nil, nil)
	tc.Reason, tc.Exception = ev.Reason, errs // those that were, once they are mended
	tc.Extra = map[string]any{"state": state, "files": names}
	return t.prepare(p, t.OnImportError, bound, ev, tc)
}

// brokenFiles are the files among some records, each with its DAGs that were known.
func brokenFiles(records []*store.ImportError, mended bool) (files []callbacks.BrokenFile) {
	for _, i := range records {
		if i.DAGID != "" {
			continue
		}
		f := callbacks.BrokenFile{File: i.File, Since: i.Since, Until: render.Moment(i.Until), Error: i.Text, Gone: mended && gone(i.File)}
		for _, d := range records {
			if d.DAGID != "" && d.File == i.File {
				f.DAGs = append(f.DAGs, d.DAGID)
			}
		}
		files = append(files, f)
	}
	return files
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
