package sqlstore

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	dagTable = sqlrow.Declare("dag", func(d *store.DAGState) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("dag_id", &d.ID), sqlrow.Col("file", &d.File), sqlrow.Col("version", &d.Version), sqlrow.Col("paused", &d.Paused), sqlrow.Col("active", &d.Active), sqlrow.Col("assets", sqlrow.List(&d.Assets)), sqlrow.Col("loaded_at", sqlrow.Moment(&d.LoadedAt)),
		}
	})
	dagAll     = dagTable.But()
	dagChanges = dagTable.But("dag_id", "paused")
)

// DAG returns what is known of a DAG beside its file.
func (q Queries) DAG(ctx context.Context, dagID string) (*store.DAGState, error) {
	d, err := sqlrow.One(ctx, q.c, dagTable.Scan, dagTable.Select()+" WHERE dag_id = ?", dagID)
	if err != nil {
		return nil, fmt.Errorf("read dag %s: %w", dagID, err)
	}
	if d == nil {
		return nil, fmt.Errorf("dag %s: %w", dagID, store.ErrNotFound)
	}
	return d, nil
}

// DAGs returns some known DAGs, or each of them, by id.
func (q Queries) DAGs(ctx context.Context, ids ...string) ([]*store.DAGState, error) {
	some, args := "", make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	if len(args) > 0 {
		some = " WHERE dag_id IN (" + sqlrow.Marks(len(args)) + ")"
	}
	ds, err := sqlrow.Collect(ctx, q.c, dagTable.Scan, dagTable.Select()+some+" ORDER BY dag_id", args...)
	if err != nil {
		return nil, fmt.Errorf("list dags: %w", err)
	}
	return ds, nil
}

// PausedDAGs lists the ids of the paused DAGs.
func (q Queries) PausedDAGs(ctx context.Context) ([]string, error) {
	ids, err := sqlrow.Column[string](ctx, q.c, "SELECT dag_id FROM dag WHERE paused")
	if err != nil {
		return nil, fmt.Errorf("list paused dags: %w", err)
	}
	return ids, nil
}

// PutDAG inserts or updates a DAG. Whether it is paused is set only when it is new.
func (q Queries) PutDAG(ctx context.Context, d *store.DAGState) error {
	if _, err := q.c.Exec(ctx, dagAll.Insert()+" ON CONFLICT (dag_id) DO UPDATE SET "+dagChanges.Excluded, dagAll.Args(d)...); err != nil {
		return fmt.Errorf("write dag %s: %w", d.ID, err)
	}
	return nil
}

// SetPaused pauses or unpauses a DAG.
func (q Queries) SetPaused(ctx context.Context, dagID string, paused bool) error {
	n, err := q.c.Exec(ctx, "UPDATE dag SET paused = ? WHERE dag_id = ?", paused, dagID)
	if err != nil {
		return fmt.Errorf("pause dag %s: %w", dagID, err)
	}
	if n == 0 {
		return fmt.Errorf("dag %s: %w", dagID, store.ErrNotFound)
	}
	return nil
}

var (
	versionTable = sqlrow.Declare("dag_version", func(v *store.Version) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("version", &v.Version), sqlrow.Col("dag_id", &v.DAGID), sqlrow.Col("number", &v.Number), sqlrow.Col("created_at", sqlrow.Moment(&v.CreatedAt)),
		}
	})
	noteTable = sqlrow.Declare("note", func(n *store.Note) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("run_key", &n.RunKey), sqlrow.Col("task_id", &n.TaskID), sqlrow.Col("map_index", &n.MapIndex), sqlrow.Col("content", &n.Content),
			sqlrow.Col("owner", &n.Actor.Name), sqlrow.Col("via", &n.Actor.Via), sqlrow.Col("at", sqlrow.Moment(&n.At)),
		}
	})
	noteAll     = noteTable.But()
	noteChanges = noteTable.Only("content", "owner", "via", "at")
)

// VersionRows are the columns of what is known of versions beside their sources.
func VersionRows() *sqlrow.Table[store.Version] { return versionTable }

// NoteRows are the columns of notes.
func NoteRows() *sqlrow.Table[store.Note] { return noteTable }

// VersionInfo returns what is known of a version beside its source.
func (q Queries) VersionInfo(ctx context.Context, version string) (*store.Version, error) {
	v, err := sqlrow.One(ctx, q.c, versionTable.Scan, versionTable.Select()+" WHERE version = ?", version)
	if err != nil {
		return nil, fmt.Errorf("read dag version: %w", err)
	}
	if v == nil {
		return nil, fmt.Errorf("dag version %s: %w", version, store.ErrNotFound)
	}
	return v, nil
}

// Notes returns the notes of a run and its task instances.
func (q Queries) Notes(ctx context.Context, runKey int64) ([]*store.Note, error) {
	notes, err := sqlrow.Collect(ctx, q.c, noteTable.Scan, noteTable.Select()+" WHERE run_key = ? ORDER BY task_id, map_index", runKey)
	if err != nil {
		return nil, fmt.Errorf("read notes: %w", err)
	}
	return notes, nil
}

// PutNote writes a note, see [store.NotesTx].
func (q Queries) PutNote(ctx context.Context, n *store.Note) error {
	if n.Content == "" {
		_, err := q.c.Exec(ctx, "DELETE FROM note WHERE run_key = ? AND task_id = ? AND map_index = ?", n.RunKey, n.TaskID, n.MapIndex)
		return sqlrow.Wrapped("remove a note", err)
	}
	_, err := q.c.Exec(ctx, noteAll.Insert()+" ON CONFLICT (run_key, task_id, map_index) DO UPDATE SET "+noteChanges.Excluded, noteAll.Args(n)...)
	return sqlrow.Wrapped("write a note", err)
}

// Favorites returns the ids of the favourite DAGs of a user.
func (q Queries) Favorites(ctx context.Context, user string) ([]string, error) {
	ids, err := sqlrow.Column[string](ctx, q.c, "SELECT dag_id FROM favorite WHERE user_name = ? ORDER BY dag_id", user)
	return ids, sqlrow.Wrapped("read favourites", err)
}

// InsertFavorite adds one, see [store.FavoritesTx].
func (q Queries) InsertFavorite(ctx context.Context, user, dagID string) (bool, error) {
	n, err := q.c.Exec(ctx, "INSERT INTO favorite (user_name, dag_id) VALUES (?, ?) ON CONFLICT DO NOTHING", user, dagID)
	return n > 0, sqlrow.Wrapped("add a favourite", err)
}

// DeleteFavorite removes one, see [store.FavoritesTx].
func (q Queries) DeleteFavorite(ctx context.Context, user, dagID string) (bool, error) {
	n, err := q.c.Exec(ctx, "DELETE FROM favorite WHERE user_name = ? AND dag_id = ?", user, dagID)
	return n > 0, sqlrow.Wrapped("remove a favourite", err)
}

// Version returns the source of a DAG version.
func (q Queries) Version(ctx context.Context, version string) ([]byte, error) {
	src, err := sqlrow.One(ctx, q.c, func(rows sqlrow.Rows, b *[]byte) error { return rows.Scan(b) },
		"SELECT source FROM dag_version WHERE version = ?", version)
	if err != nil {
		return nil, fmt.Errorf("read dag version: %w", err)
	}
	if src == nil {
		return nil, fmt.Errorf("dag version %s: %w", version, store.ErrNotFound)
	}
	return *src, nil
}

// PutVersion stores the source of a DAG version once, with the next number of its DAG.
func (q Queries) PutVersion(ctx context.Context, version, dagID string, source []byte, at time.Time) error {
	_, err := q.c.Exec(ctx, `INSERT INTO dag_version (version, dag_id, source, number, created_at)
		VALUES (?, ?, ?, (SELECT coalesce(max(number), 0) + 1 FROM dag_version WHERE dag_id = ?), ?) ON CONFLICT DO NOTHING`, version, dagID, source, dagID, sqlrow.UnixMilli(at))
	if err != nil {
		return fmt.Errorf("write version of dag %s: %w", dagID, err)
	}
	return nil
}

// TemplateFile returns the content of a template file.
func (q Queries) TemplateFile(ctx context.Context, hash string) (string, error) {
	content, err := sqlrow.One(ctx, q.c, func(rows sqlrow.Rows, b *[]byte) error { return rows.Scan(b) }, "SELECT content FROM template_file WHERE hash = ?", hash)
	if err != nil {
		return "", fmt.Errorf("read a template file: %w", err)
	}
	if content == nil {
		return "", fmt.Errorf("template file with the SHA-256 %s: %w", hash, store.ErrNotFound)
	}
	return string(*content), nil
}

// PutTemplateFiles keeps the template files of a version, see [store.DAGsTx].
func (q Queries) PutTemplateFiles(ctx context.Context, version string, contents iter.Seq2[string, string]) error {
	has, err := sqlrow.Column[bool](ctx, q.c, "SELECT EXISTS (SELECT 1 FROM dag_version_file WHERE version = ?)", version)
	if err != nil || has[0] {
		return sqlrow.Wrapped("look for the template files of a dag version", err)
	}
	for hash, content := range contents {
		_, err := q.c.Exec(ctx, "INSERT INTO template_file (hash, content) VALUES (?, ?) ON CONFLICT DO NOTHING", hash, []byte(content))
		if err == nil {
			_, err = q.c.Exec(ctx, "INSERT INTO dag_version_file (version, hash) VALUES (?, ?) ON CONFLICT DO NOTHING", version, hash)
		}
		if err != nil {
			return fmt.Errorf("write a template file of a dag version: %w", err)
		}
	}
	return nil
}
