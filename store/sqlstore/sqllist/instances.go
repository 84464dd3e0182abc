package sqllist

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
	"github.com/dingdag/dingdag/store/sqlstore"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// instanceKeys are what instances are ordered by: of an instance that has a row, and of a task that has none.
var instanceKeys = map[string]struct{ stored, missing string }{
	"id":                  {"ti.run_key", "r.id"},
	"state":               {"nullif(ti.state, '')", "NULL"},
	"duration":            {fmt.Sprintf(took, "ti"), "NULL"},
	"start_date":          {"ti.start_date", "NULL"},
	"end_date":            {"ti.end_date", "NULL"},
	"map_index":           {"ti.map_index", "-1"},
	"try_number":          {"ti.try", "0"},
	"logical_date":        {"r.logical_date", "r.logical_date"},
	"run_after":           {"r.run_after", "r.run_after"},
	"data_interval_start": {"r.interval_start", "r.interval_start"},
	"data_interval_end":   {"r.interval_end", "r.interval_end"},
	"rendered_map_index":  {"nullif(ti.rendered_map_index, '')", "NULL"},
	"operator":            {"nullif(ti.operator, '')", "NULL"},
}

// place tells an instance from all others.
type place struct {
	runKey   int64
	taskID   string
	mapIndex int
}

// ListInstances implements [listing.Reader]. One part of its statement finds the instances that have a row,
// the other one the tasks that have none.
func (q Queries) ListInstances(ctx context.Context, f listing.Instances, p listing.Page) ([]*listing.Instance, int, error) {
	keys := make([]string, len(p.Order))
	byName := map[string]string{}
	var storedKeys, missingKeys strings.Builder
	for i, k := range p.Order {
		e, ok := instanceKeys[k.Name]
		if !ok {
			return nil, 0, fmt.Errorf("order by %q: there is no such name", k.Name)
		}
		keys[i] = "k" + strconv.Itoa(i)
		byName[k.Name] = keys[i]
		storedKeys.WriteString(", " + e.stored + " AS " + keys[i])
		missingKeys.WriteString(", " + e.missing)
	}
	stored := q.storedInstances(&f)
	missing, err := q.missingInstances(&f)
	if err != nil {
		return nil, 0, err
	}
	count := "SELECT (SELECT count(*)" + stored.all[0] + ")"
	args := slices.Clone(stored.args)
	list := "SELECT ti.run_key AS run_key, ti.task_id AS task_id, ti.map_index AS map_index" + storedKeys.String() + stored.all[0]
	if missing != nil {
		count += " + (SELECT count(*)" + missing.all[0] + ")"
		args = append(args, missing.args...)
		list += " UNION ALL SELECT r.id, t.value, -1" + missingKeys.String() + missing.all[0]
	}
	n, err := sqlrow.Column[int](ctx, q.c, count, args...)
	if err != nil {
		return nil, 0, fmt.Errorf("count task instances: %w", err)
	}
	by, err := order(p, byName, "run_key", "task_id", "map_index")
	if err != nil {
		return nil, 0, err
	}
	places, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, at *place) error { return rows.Scan(&at.runKey, &at.taskID, &at.mapIndex) },
		"SELECT run_key, task_id, map_index FROM ("+list+") AS found"+by, append(args, p.Limit, p.Offset)...)
	if err != nil {
		return nil, 0, fmt.Errorf("list task instances: %w", err)
	}
	out, err := q.at(ctx, places)
	return out, n[0], err
}

// storedInstances is the part of a statement behind the columns, as its one text.
func (q Queries) storedInstances(f *listing.Instances) *where {
	w := q.where()
	runsOf(w, &f.Runs)
	in(w, "ti.task_id", f.TaskIDs)
	in(w, "ti.state", f.States)
	in(w, "ti.try", f.Tries)
	in(w, "ti.map_index", f.MapIndexes)
	w.like("ti.task_id", f.TaskIDLike)
	w.like("ti.rendered_map_index", f.RenderedMapLike)
	if f.MappedOnly {
		w.add("ti.map_index >= 0")
	}
	w.moments(fmt.Sprintf(updated, "ti"), f.Runs.UpdatedAt)
	w.orNow("ti.start_date", f.Runs.StartDate, f.Runs.Now)
	w.orNow("ti.end_date", f.Runs.EndDate, f.Runs.Now)
	w.seconds("ti.start_date", "ti.end_date", f.Runs.Duration)
	if f.Only {
		names := []string{}
		for version, ids := range f.Tasks {
			for _, id := range ids {
				names = append(names, version+" "+id)
			}
		}
		slices.Sort(names)
		in(w, "r.version || ' ' || ti.task_id", names)
	}
	w.all = []string{" FROM dag_run r JOIN task_instance ti ON ti.run_key = r.id" + w.sql()}
	return w
}

// missingInstances is the same for the tasks without a row; nil when no such task can match.
func (q Queries) missingInstances(f *listing.Instances) (*where, error) {
	if len(f.Tasks) == 0 || f.MappedOnly || len(f.RenderedMapLike) > 0 || !f.Runs.Duration.Empty() || !f.Runs.UpdatedAt.Empty() ||
		f.States != nil && !slices.Contains(f.States, listing.NoState) || f.Tries != nil && !slices.Contains(f.Tries, 0) ||
		f.MapIndexes != nil && !slices.Contains(f.MapIndexes, -1) {
		return nil, nil //nolint:nilnil // documented
	}
	tasks, err := json.Marshal(f.Tasks)
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	w := q.where()
	w.args = []any{string(tasks)}
	runsOf(w, &f.Runs)
	if !f.Missing {
		w.add("r.state IN ('queued', 'running')")
	}
	in(w, "t.value", f.TaskIDs)
	w.like("t.value", f.TaskIDLike)
	w.orNow("NULL", f.Runs.StartDate, f.Runs.Now)
	w.orNow("NULL", f.Runs.EndDate, f.Runs.Now)
	w.add("NOT EXISTS (SELECT 1 FROM task_instance i WHERE i.run_key = r.id AND i.task_id = t.value)")
	lists, texts := q.c.Dialect().Lists()
	w.all = []string{" FROM " + lists + " JOIN dag_run r ON r.version = v.key " + texts + w.sql()}
	return w, nil
}

// at are the instances at places, in their order.
func (q Queries) at(ctx context.Context, places []*place) ([]*listing.Instance, error) {
	out := make([]*listing.Instance, 0, len(places))
	if len(places) == 0 {
		return out, nil
	}
	var keys []int64
	seen := map[int64]bool{}
	found := map[place]*store.Instance{}
	for part := range slices.Chunk(places, manyValues) {
		args := make([]any, 0, 3*len(part))
		for _, p := range part {
			if !seen[p.runKey] {
				seen[p.runKey] = true
				keys = append(keys, p.runKey)
			}
			args = append(args, p.runKey, p.taskID, p.mapIndex)
		}
		rows, err := sqlrow.Collect(ctx, q.c, sqlstore.InstanceRows().Scan, sqlstore.InstanceRows().Select()+
			" WHERE (run_key, task_id, map_index) IN (VALUES "+repeated("(CAST(? AS BIGINT), ?, CAST(? AS BIGINT))", len(part))+")", args...)
		if err != nil {
			return nil, fmt.Errorf("read the task instances of a list: %w", err)
		}
		for _, in := range rows {
			found[place{in.RunKey, in.TaskID, in.MapIndex}] = in
		}
	}
	runs, err := q.runs(ctx, keys)
	if err != nil {
		return nil, err
	}
	notes, err := q.notes(ctx, keys, "task_id <> ''")
	if err != nil {
		return nil, err
	}
	noted := map[place]*store.Note{}
	for _, n := range notes {
		noted[place{n.RunKey, n.TaskID, n.MapIndex}] = n
	}
	for _, p := range places {
		r := runs[p.runKey]
		if r == nil { // it went between the two looks
			continue
		}
		row := &listing.Instance{Instance: store.Instance{RunKey: p.runKey, TaskID: p.taskID, MapIndex: p.mapIndex}, Run: r, Note: noted[*p]}
		if in := found[*p]; in != nil {
			row.Instance, row.Stored = *in, true
		}
		out = append(out, row)
	}
	return out, nil
}

// repeated is a text several times, with commas.
func repeated(text string, n int) string {
	return strings.Join(slices.Repeat([]string{text}, n), ", ")
}
