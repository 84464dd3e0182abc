package browse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

// Source is the text that a DAG was made from.
type Source struct {
	DisplayName string
	// Text is the file, or the DAG alone with all defaults applied where the file is another one by now or has
	// DAGs that whoever asks may not read. Secrets in it are masked.
	Text string
	// Number is that of the version; 0 for one that no run has had.
	Number int
}

// Source is the text of a DAG as it is now, or for a number of that version. Its error wraps [api.ErrNotFound]
// when there is none.
func (b *Browser) Source(ctx context.Context, dagID string, number *int) (*Source, error) {
	now, err := b.current(ctx, dagID)
	if err != nil {
		return nil, err
	}
	version, out := now.Version, &Source{DisplayName: nameOf(now)}
	if number != nil {
		v, err := b.VersionNumbered(ctx, dagID, *number)
		if err != nil {
			return nil, err
		}
		version, out.Number = v.Version.Version, v.Number
	} else if v, err := b.o.Store.VersionInfo(ctx, version); err == nil {
		out.Number = v.Number
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if version == now.Version {
		text, err := b.fileOf(ctx, dagID)
		if err != nil {
			return nil, err
		}
		if text != nil {
			out.Text = b.o.API.Mask(string(text))
			return out, nil
		}
	}
	text, err := b.o.Store.Version(ctx, version)
	if errors.Is(err, store.ErrNotFound) {
		return nil, store.Missing("DAG %s has no source yet: it shares its file with DAGs that you may not see, and has had no run", dagID)
	}
	out.Text = b.o.API.Mask(string(text))
	return out, err
}

func nameOf(d *dag.DAG) string {
	if d.DisplayName != "" {
		return d.DisplayName
	}
	return d.ID
}

// maxFile is how long the file of a DAG may be to be shown.
const maxFile = 8 << 20

// fileOf is the file of a DAG; nil when it is gone, or has a DAG that whoever asks may not read.
func (b *Browser) fileOf(ctx context.Context, dagID string) ([]byte, error) {
	who, ok := access.From(ctx)
	if !ok {
		return nil, access.ErrUnknown
	}
	d, err := b.o.Folder.DAG(dagID)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // documented: it can't be read for now, and its last version is shown
	}
	if !who.DAGs.All() {
		all, _, err := b.o.Folder.DAGs()
		if err != nil {
			return nil, err
		}
		secret := slices.ContainsFunc(all, func(o *dag.Summary) bool {
			return o.Pos.File == d.Pos.File && !who.May(access.Read, &access.DAG{ID: o.ID, Tags: o.Tags, Owners: owners(o.Owner)})
		})
		problems, err := b.o.Store.OpenImportErrors(ctx)
		if err != nil || secret || slices.ContainsFunc(problems, func(p *store.ImportError) bool { return p.File == d.Pos.File }) {
			return nil, err // what can't be loaded of the file may be a DAG of others
		}
	}
	info, err := os.Stat(d.Pos.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil //nolint:nilnil // documented
	case err != nil:
		return nil, fmt.Errorf("read the source of dag %q: %w", dagID, err)
	case info.Size() > maxFile:
		return nil, nil //nolint:nilnil // its canonical form is shown
	}
	text, err := os.ReadFile(d.Pos.File)
	if err != nil {
		return nil, fmt.Errorf("read the source of dag %q: %w", dagID, err)
	}
	return text, nil
}

// VersionFilter selects versions of DAGs.
type VersionFilter = listing.Versions

// Versions lists versions of the DAGs that whoever asks may read.
func (b *Browser) Versions(ctx context.Context, f VersionFilter, p Page) (out []*Version, total int, err error) {
	if f.DAGIDs, err = b.visible(ctx, f.DAGIDs); err != nil {
		return nil, 0, err
	}
	rows, total, err := b.o.Lists.ListVersions(ctx, f, p)
	if err != nil {
		return nil, 0, err
	}
	for _, v := range rows {
		out = append(out, &Version{*v, b.displayName(ctx, v.Version, v.DAGID)})
	}
	return out, total, nil
}

// VersionNumbered is the version of a DAG with a number. Its error wraps [api.ErrNotFound] when there is none.
func (b *Browser) VersionNumbered(ctx context.Context, dagID string, number int) (*Version, error) {
	found, _, err := b.Versions(ctx, VersionFilter{DAGIDs: []string{dagID}, Number: &number}, Page{Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, store.Missing("The DagVersion with dag_id: `%s` and version_number: `%d` was not found", dagID, number)
	}
	return found[0], nil
}

// Stats are how many runs a DAG has in each state.
type Stats struct {
	DAGID, DisplayName string
	Counts             map[dag.RunState]int
}

// Stats are those of the DAGs that are named and have runs, or of all, as far as whoever asks may read them.
func (b *Browser) Stats(ctx context.Context, named []string) ([]Stats, error) {
	ids, err := b.visible(ctx, named)
	if err != nil {
		return nil, err
	}
	counts, err := b.o.Lists.CountStates(ctx, ids)
	if err != nil {
		return nil, err
	}
	name, err := b.names()
	if err != nil {
		return nil, err
	}
	var out []Stats
	for _, c := range counts {
		if n := len(out); n == 0 || out[n-1].DAGID != c.DAGID {
			out = append(out, Stats{c.DAGID, name(c.DAGID), map[dag.RunState]int{}})
		}
		out[len(out)-1].Counts[c.State] = c.Count
	}
	return out, nil
}

// Tags are the tags of the DAGs that whoever asks may read, each once, in their order.
func (b *Browser) Tags(ctx context.Context, like Like) ([]string, error) {
	all, err := b.allDAGs(ctx, false)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, d := range all {
		for _, t := range d.Tags {
			if like.Match(t) {
				out = append(out, t)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Warning is something about a DAG that people should look at, though it is loaded.
type Warning struct {
	DAGID, DisplayName, Type, Message string
	At                                time.Time
}

// NoPool is the type of the warning about pools that nobody has made.
const NoPool = "non-existent pool"

// Warnings are those of the DAGs that whoever asks may read, by DAG. It reads all DAG files.
func (b *Browser) Warnings(ctx context.Context) ([]Warning, error) {
	who, ok := access.From(ctx)
	if !ok {
		return nil, access.ErrUnknown
	}
	all, _, err := b.o.Folder.Load()
	if err != nil {
		return nil, err
	}
	pools, err := b.o.Store.Pools(ctx)
	if err != nil {
		return nil, err
	}
	made := map[string]bool{api.DefaultPool: true}
	for _, p := range pools {
		made[p.Name] = true
	}
	out := []Warning{}
	for _, d := range all {
		if !who.May(access.Read, &access.DAG{ID: d.ID, Tags: d.Tags, Owners: owners(d.Owner)}) {
			continue
		}
		var lost []string
		for _, t := range d.Tasks {
			if !made[t.Pool] && !slices.Contains(lost, t.Pool) {
				lost = append(lost, t.Pool)
			}
		}
		if len(lost) == 0 {
			continue
		}
		slices.Sort(lost)
		at, err := b.since(ctx, d)
		if err != nil {
			return nil, err
		}
		out = append(out, Warning{d.ID, nameOf(d), NoPool, fmt.Sprintf("Dag '%s' references non-existent pools: ['%s']", d.ID, strings.Join(lost, "', '")), at})
	}
	slices.SortStableFunc(out, func(x, y Warning) int { return strings.Compare(x.DAGID, y.DAGID) })
	return out, nil
}

// since is since when a DAG is as it is, as far as that is known: when its version was seen first, or its file changed.
func (b *Browser) since(ctx context.Context, d *dag.DAG) (time.Time, error) {
	v, err := b.o.Store.VersionInfo(ctx, d.Version)
	if err == nil {
		return v.CreatedAt, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return time.Time{}, err
	}
	if info, err := os.Stat(d.Pos.File); err == nil {
		return info.ModTime(), nil
	}
	return b.o.Clock(), nil
}

// HasFile reports whether a file has, or had, a DAG that whoever asks may operate.
func (b *Browser) HasFile(ctx context.Context, file string) (bool, error) {
	who, ok := access.From(ctx)
	if !ok {
		return false, access.ErrUnknown
	}
	all, err := b.summaries(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(all, func(d *dag.Summary) bool {
		return filepath.Clean(d.Pos.File) == filepath.Clean(file) && who.May(access.Operate, &access.DAG{ID: d.ID, Tags: d.Tags, Owners: owners(d.Owner)})
	}), nil
}

// Reparse reads the DAG files again if they have changed.
func (b *Browser) Reparse(ctx context.Context) error {
	if b.o.Reparse == nil {
		return nil // each look at the folder reads what has changed
	}
	return b.o.Reparse(ctx)
}

// Path is a DAG file as it is named from the folder of all of them; one outside of it keeps its name.
func (b *Browser) Path(file string) string {
	if b.o.Root != "" {
		if path, err := filepath.Rel(b.o.Root, file); err == nil && filepath.IsLocal(path) {
			return filepath.ToSlash(path)
		}
	}
	return filepath.ToSlash(filepath.Clean(file))
}
