// Package sqllog has the SQL of task logs that are kept in the database, and of those that are to be removed from the log store.
package sqllog

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Queries reads and writes the tables of task logs over one connection.
type Queries struct{ c sqlrow.Conn }

// New returns the queries over c.
func New(c sqlrow.Conn) Queries { return Queries{c} }

var (
	partTable = sqlrow.Declare("task_log", func(p *store.TaskLogPart) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &p.ID), sqlrow.Col("name", &p.Name), sqlrow.Col("started_at", sqlrow.Moment(&p.Start)), sqlrow.Col("node", &p.Node), sqlrow.Col("size", &p.Size),
		}
	})
	partNew = partTable.But("id")

	removalTable = sqlrow.Declare("log_removal", func(r *store.LogRemoval) []sqlrow.Field {
		return []sqlrow.Field{sqlrow.Col("id", &r.ID), sqlrow.Col("folder", &r.Folder), sqlrow.Col("before_at", sqlrow.Moment(&r.Before))}
	})
	removalNew = removalTable.But("id")
)

// below is the condition that a log is below a folder: texts are compared byte by byte, and 0 is what follows /.
const below = "name >= ? AND name < ?"

func bounds(folder string) []any {
	folder = strings.TrimSuffix(filepath.ToSlash(folder), "/")
	return []any{folder + "/", folder + "0"}
}

// TaskLogParts returns the parts of a log, see [store.TaskLogs].
func (q Queries) TaskLogParts(ctx context.Context, name string) ([]*store.TaskLogPart, error) {
	ps, err := sqlrow.Collect(ctx, q.c, partTable.Scan, partTable.Select()+" WHERE name = ? AND whole ORDER BY started_at, node", name)
	return ps, sqlrow.Wrapped("list the parts of a task log", err)
}

// TaskLogChunks returns chunks of a part, see [store.TaskLogs].
func (q Queries) TaskLogChunks(ctx context.Context, partID int64, from, limit int) ([][]byte, error) {
	cs, err := sqlrow.Column[[]byte](ctx, q.c, "SELECT data FROM task_log_chunk WHERE log_id = ? AND number >= ? ORDER BY number LIMIT ?", partID, from, limit)
	return cs, sqlrow.Wrapped("read a task log", err)
}

// CountTaskLogs counts the parts below a folder, see [store.TaskLogs].
func (q Queries) CountTaskLogs(ctx context.Context, folder string) (int, error) {
	n, err := sqlrow.Column[int](ctx, q.c, "SELECT count(*) FROM task_log WHERE whole AND "+below, bounds(folder)...)
	if err != nil {
		return 0, fmt.Errorf("count task logs: %w", err)
	}
	return n[0], nil
}

// LogRemovals returns what is to be removed, see [store.TaskLogs].
func (q Queries) LogRemovals(ctx context.Context, after int64, limit int) ([]*store.LogRemoval, error) {
	rs, err := sqlrow.Collect(ctx, q.c, removalTable.Scan, removalTable.Select()+" WHERE id > ? ORDER BY id LIMIT ?", after, limit)
	return rs, sqlrow.Wrapped("list logs to remove", err)
}

// StartTaskLog begins a part, see [store.TaskLogsTx].
func (q Queries) StartTaskLog(ctx context.Context, p *store.TaskLogPart) error {
	ids, err := sqlrow.Column[int64](ctx, q.c, partNew.Insert()+" RETURNING id", partNew.Args(p)...)
	if err != nil {
		return fmt.Errorf("begin a task log: %w", err)
	}
	p.ID = ids[0]
	return nil
}

// PutTaskLogChunk adds a chunk, see [store.TaskLogsTx].
func (q Queries) PutTaskLogChunk(ctx context.Context, partID int64, number int, data []byte) error {
	_, err := q.c.Exec(ctx, "INSERT INTO task_log_chunk (log_id, number, data) VALUES (?, ?, ?)", partID, number, data)
	return sqlrow.Wrapped("write a task log", err)
}

// EndTaskLog says that a part is whole, see [store.TaskLogsTx].
func (q Queries) EndTaskLog(ctx context.Context, p *store.TaskLogPart) error {
	n, err := q.c.Exec(ctx, "UPDATE task_log SET size = ?, whole = ? WHERE id = ?", p.Size, true, p.ID)
	if err != nil {
		return fmt.Errorf("end a task log: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("end the task log %s, which was removed meanwhile: %w", p.Name, store.ErrNotFound)
	}
	before, err := sqlrow.Column[int64](ctx, q.c, "SELECT id FROM task_log WHERE name = ? AND started_at = ? AND node = ? AND id <> ?", p.Name, sqlrow.UnixMilli(p.Start), p.Node, p.ID)
	for _, id := range before {
		for _, statement := range []string{"DELETE FROM task_log_chunk WHERE log_id = ?", "DELETE FROM task_log WHERE id = ?"} {
			if err == nil {
				_, err = q.c.Exec(ctx, statement, id)
			}
		}
	}
	return sqlrow.Wrapped("replace a task log", err)
}

// found is a part that is to be removed.
type found struct {
	id    int64
	whole bool
}

// RemoveTaskLogs removes parts below a folder, see [store.TaskLogsTx].
func (q Queries) RemoveTaskLogs(ctx context.Context, folder string, before time.Time, chunks int) (parts int, more bool, err error) {
	all, err := sqlrow.Collect(ctx, q.c, func(rows sqlrow.Rows, f *found) error { return rows.Scan(&f.id, &f.whole) },
		"SELECT id, whole FROM task_log WHERE "+below+" AND started_at < ? ORDER BY name, started_at LIMIT ?", append(bounds(folder), sqlrow.UnixMilli(before), chunks)...)
	if err != nil {
		return 0, false, fmt.Errorf("list task logs to remove: %w", err)
	}
	left := int64(chunks)
	for _, f := range all {
		if left <= 0 {
			return parts, true, nil
		}
		n, err := q.c.Exec(ctx, "DELETE FROM task_log_chunk WHERE log_id = ? AND number IN (SELECT number FROM task_log_chunk WHERE log_id = ? LIMIT ?)", f.id, f.id, left)
		if err != nil {
			return parts, false, fmt.Errorf("remove a task log: %w", err)
		}
		if f.whole {
			parts++
		}
		statement := "DELETE FROM task_log WHERE id = ?"
		if n == left { // perhaps not all of it: nobody sees the rest
			statement = "UPDATE task_log SET whole = FALSE WHERE id = ?"
		}
		if _, err := q.c.Exec(ctx, statement, f.id); err != nil {
			return parts, false, fmt.Errorf("remove a task log: %w", err)
		}
		left -= max(n, 1)
	}
	return parts, len(all) == chunks || left <= 0, nil
}

// PutLogRemoval notes logs to remove, see [store.TaskLogsTx].
func (q Queries) PutLogRemoval(ctx context.Context, r *store.LogRemoval) error {
	r.Folder = filepath.ToSlash(r.Folder)
	ids, err := sqlrow.Column[int64](ctx, q.c, removalNew.Insert()+" RETURNING id", removalNew.Args(r)...)
	if err != nil {
		return fmt.Errorf("note logs to remove: %w", err)
	}
	r.ID = ids[0]
	return nil
}

// DropLogRemoval says that they are removed, see [store.TaskLogsTx].
func (q Queries) DropLogRemoval(ctx context.Context, id int64) error {
	_, err := q.c.Exec(ctx, "DELETE FROM log_removal WHERE id = ?", id)
	return sqlrow.Wrapped("note that logs are removed", err)
}
