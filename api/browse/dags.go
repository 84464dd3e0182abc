package browse

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// DAG is a DAG with what has become of it.
type DAG struct {
	dag.Summary

	Paused bool
	// Stale says that its file is gone, or does not have it any more.
	Stale bool
	// ImportErrors says that its file, or the DAG in it, can't be loaded now.
	ImportErrors bool
	// Loaded is when the process that schedules has last read it as a new or a changed one; zero when nobody knows.
	Loaded time.Time
	// Path is its file, from the folder of the DAG files on; see [Browser.Path].
	Path string
	// Last is its newest run, or nil.
	Last *store.Run
	// Next is the run that the schedule makes next, or nil.
	Next *api.NextRun
}

// Name is how people call it.
func (d *DAG) Name() string { return cmp.Or(d.DisplayName, d.ID) }

// OwnerList are its owners, each once.
func (d *DAG) OwnerList() []string { return owners(d.Owner) }

// DAGFilter selects DAGs. Zero fields select everything.
type DAGFilter struct {
	Tags    []string
	AllTags bool
	// Owners are texts of which one must be in the list of the owners.
	Owners           []string
	IDLike, NameLike Like
	WithStale        bool
	Paused           *bool
	LastState        string
	ImportErrors     *bool
	OnAssets         *bool
	// Timetables are names of types of timetables, see [DAG.TimetableType].
	Timetables []string
	// OnAsset is in the name or the URI of an asset that the DAG waits for.
	OnAsset string
	// Favorite selects the favourites of whoever asks, or the others.
	Favorite *bool
	// Runs selects the DAGs that have such a run; nil is no condition.
	Runs *RunFilter
}

func (f *DAGFilter) matches(d *DAG) bool {
	has := func(tag string) bool { return slices.Contains(d.Tags, tag) }
	owned := func(text string) bool { return strings.Contains(strings.ToLower(d.Owner), strings.ToLower(text)) }
	switch {
	case d.Stale && !f.WithStale,
		f.AllTags && slices.ContainsFunc(f.Tags, func(tag string) bool { return !has(tag) }),
		!f.AllTags && len(f.Tags) > 0 && !slices.ContainsFunc(f.Tags, has),
		len(f.Owners) > 0 && !slices.ContainsFunc(f.Owners, owned),
		!f.IDLike.Match(d.ID), !f.NameLike.Match(d.Name()),
		f.Paused != nil && *f.Paused != d.Paused,
		f.ImportErrors != nil && *f.ImportErrors != d.ImportErrors,
		f.OnAssets != nil && *f.OnAssets != d.OnAssets,
		len(f.Timetables) > 0 && !slices.Contains(f.Timetables, d.TimetableType()):
		return false
	default:
		return f.LastState == "" || d.Last != nil && string(d.Last.State) == f.LastState
	}
}

// DAGOrder are the names by which DAGs are ordered.
const DAGOrder = "dag_id,dag_display_name,next_dagrun,state,start_date,last_run_state,last_run_start_date"

// DAGs lists DAGs. Those of the folder are at hand; the store is asked for what became of them.
func (b *Browser) DAGs(ctx context.Context, f DAGFilter, p Page) ([]*DAG, int, error) {
	all, err := b.allDAGs(ctx, f.WithStale)
	if err != nil {
		return nil, 0, err
	}
	if f.Runs != nil {
		f.Runs.Now = b.o.Clock()
		ids, err := b.o.Lists.DAGsOfRuns(ctx, *f.Runs)
		if err != nil {
			return nil, 0, err
		}
		with := map[string]bool{}
		for _, id := range ids {
			with[id] = true
		}
		all = slices.DeleteFunc(all, func(d *DAG) bool { return !with[d.ID] })
	}
	if f.Favorite != nil {
		favorites, err := b.Favorites(ctx)
		if err != nil {
			return nil, 0, err
		}
		all = slices.DeleteFunc(all, func(d *DAG) bool { return favorites[d.ID] != *f.Favorite })
	}
	all = slices.DeleteFunc(all, func(d *DAG) bool { return !f.matches(d) })
	if f.OnAsset != "" {
		all = slices.DeleteFunc(all, func(d *DAG) bool { return !b.waitsFor(ctx, d, f.OnAsset) })
	}
	if slices.ContainsFunc(p.Order, func(k Key) bool { return k.Name == "next_dagrun" }) {
		if err := b.fillNext(ctx, all); err != nil {
			return nil, 0, err
		}
	}
	slices.SortFunc(all, func(x, y *DAG) int {
		for _, k := range p.Order {
			if c := compareDAGs(x, y, k); c != 0 {
				return c
			}
		}
		if len(p.Order) > 0 && p.Order[0].Desc {
			return strings.Compare(y.ID, x.ID)
		}
		return strings.Compare(x.ID, y.ID)
	})
	total := len(all)
	from := min(p.Offset, total)
	page := all[from:min(from+p.Limit, total)]
	return page, total, b.fillNext(ctx, page)
}

// compareDAGs compares by one name. What is null comes last in both directions.
func compareDAGs(x, y *DAG, k Key) int {
	texts := func(of func(*DAG) string) int {
		return compare(of(x), of(y), k.Desc, func(s string) bool { return s == "" }, strings.Compare)
	}
	times := func(of func(*DAG) time.Time) int {
		return compare(of(x), of(y), k.Desc, time.Time.IsZero, time.Time.Compare)
	}
	switch k.Name {
	case "dag_id":
		return texts(func(d *DAG) string { return d.ID })
	case "dag_display_name":
		return texts((*DAG).Name)
	case "next_dagrun":
		return times(func(d *DAG) time.Time {
			if d.Next == nil {
				return time.Time{}
			}
			return d.Next.LogicalDate
		})
	case "state", "last_run_state":
		return texts(func(d *DAG) string {
			if d.Last == nil {
				return ""
			}
			return string(d.Last.State)
		})
	default: // the start of the last run
		return times(func(d *DAG) time.Time {
			if d.Last == nil {
				return time.Time{}
			}
			return d.Last.StartDate
		})
	}
}

func compare[T any](x, y T, desc bool, null func(T) bool, by func(T, T) int) int {
	switch {
	case null(x) || null(y):
		return cmp.Compare(btoi(null(x)), btoi(null(y)))
	case desc:
		return by(y, x)
	default:
		return by(x, y)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// summaries are the DAGs of the folder, and those that are there no more.
func (b *Browser) summaries(ctx context.Context) ([]*dag.Summary, error) {
	all, _, err := b.o.Folder.DAGs()
	if err != nil {
		return nil, err
	}
	gone, err := b.gone(ctx, all)
	return append(slices.Clone(all), gone...), err
}

// gone are the DAGs that the store knows and the folder has no more, as they were last.
func (b *Browser) gone(ctx context.Context, all []*dag.Summary) ([]*dag.Summary, error) {
	there := map[string]bool{}
	for _, d := range all {
		there[d.ID] = true
	}
	known, err := b.o.Store.DAGs(ctx)
	if err != nil {
		return nil, err
	}
	var out []*dag.Summary
	for _, st := range known {
		if there[st.ID] {
			continue
		}
		s := &dag.Summary{ID: st.ID, Pos: dag.Position{File: st.File}, Timetable: timetable.Never()}
		if d := b.restored(ctx, st.Version); d != nil {
			s = d.Summary()
			s.Pos.File = st.File
		}
		out = append(out, s)
	}
	return out, nil
}

// allDAGs are all that whoever asks may read, without their next runs.
func (b *Browser) allDAGs(ctx context.Context, stale bool) ([]*DAG, error) {
	here, _, err := b.o.Folder.DAGs()
	if err != nil {
		return nil, err
	}
	gone, err := b.gone(ctx, here)
	if err != nil {
		return nil, err
	}
	more, err := b.became(ctx)
	if err != nil {
		return nil, err
	}
	who, ok := access.From(ctx)
	if !ok {
		return nil, access.ErrUnknown
	}
	var out []*DAG
	add := func(s *dag.Summary, there bool) {
		if who.May(access.Read, &access.DAG{ID: s.ID, Tags: s.Tags, Owners: owners(s.Owner)}) {
			out = append(out, more.of(b, s, there))
		}
	}
	for _, s := range here {
		add(s, true)
	}
	for _, s := range gone {
		if stale || more.active[s.ID] { // the file of one that is active can't be read for now
			add(s, more.active[s.ID])
		}
	}
	return out, nil
}

// became is what became of all DAGs.
type became struct {
	paused, active map[string]bool
	loaded         map[string]time.Time
	known          map[string]bool
	newest         map[string]*store.Run
	broken         map[string]bool // ids of DAGs
	brokenFiles    map[string]bool
}

func (b *Browser) became(ctx context.Context) (*became, error) {
	out := &became{map[string]bool{}, map[string]bool{}, map[string]time.Time{}, map[string]bool{}, map[string]*store.Run{}, map[string]bool{}, map[string]bool{}}
	states, err := b.o.Store.DAGs(ctx)
	if err != nil {
		return nil, err
	}
	for _, st := range states {
		out.known[st.ID], out.paused[st.ID], out.active[st.ID], out.loaded[st.ID] = true, st.Paused, st.Active, st.LoadedAt
	}
	runs, err := b.o.Store.NewestRuns(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		out.newest[r.DAGID] = r
	}
	problems, err := b.o.Store.OpenImportErrors(ctx)
	for _, p := range problems {
		out.broken[p.DAGID], out.brokenFiles[p.File] = true, true
	}
	return out, err
}

func (m *became) of(b *Browser, s *dag.Summary, there bool) *DAG {
	d := &DAG{Summary: *s, Path: b.Path(s.Pos.File), Paused: m.paused[s.ID], Stale: !there, ImportErrors: m.broken[s.ID] || m.brokenFiles[s.Pos.File], Last: m.newest[s.ID], Loaded: m.loaded[s.ID]}
	if !m.known[s.ID] {
		d.Paused = b.o.API.PausedWhenNew(&dag.DAG{IsPausedUponCreation: s.IsPausedUponCreation})
	}
	return d
}

// fillNext finds the next run of each DAG.
func (b *Browser) fillNext(ctx context.Context, dags []*DAG) error {
	now := b.o.Clock()
	for _, d := range dags {
		if d.Next != nil || d.Stale || d.OnAssets || d.Timetable == nil {
			continue
		}
		var last *timetable.Interval
		if d.Last != nil {
			r, err := b.o.Store.LastScheduled(ctx, d.ID)
			if err != nil {
				return err
			}
			if r != nil {
				last = &timetable.Interval{Start: r.IntervalStart, End: r.IntervalEnd}
			}
		}
		if r, ok := d.Timetable.Next(last, timetable.Restriction{Earliest: d.StartDate, Latest: d.EndDate, Catchup: d.Catchup}, now); ok {
			d.Next = &api.NextRun{RunAfter: r.RunAfter, LogicalDate: r.LogicalDate, IntervalStart: r.Interval.Start, IntervalEnd: r.Interval.End}
		}
	}
	return nil
}

// DAG is one DAG. Its error wraps [api.ErrNotFound] when there is none.
func (b *Browser) DAG(ctx context.Context, dagID string) (*DAG, *dag.DAG, error) {
	full, err := b.current(ctx, dagID)
	if err != nil {
		return nil, nil, err
	}
	d := &DAG{Summary: *full.Summary()}
	d.Path = b.Path(d.Pos.File)
	st, err := b.o.Store.DAG(ctx, dagID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		d.Paused = b.o.API.PausedWhenNew(full)
	case err != nil:
		return nil, nil, err
	default:
		d.Paused, d.Stale, d.Loaded = st.Paused, !st.Active, st.LoadedAt
		if d.Stale {
			_, ferr := b.o.Folder.DAG(dagID)
			d.Stale = ferr != nil
		}
	}
	problems, err := b.o.Store.OpenImportErrors(ctx)
	if err != nil {
		return nil, nil, err
	}
	d.ImportErrors = slices.ContainsFunc(problems, func(p *store.ImportError) bool { return p.DAGID == dagID || p.File == d.Pos.File })
	runs, err := b.o.Store.Runs(ctx, store.RunFilter{DAGID: dagID, Limit: 1})
	if err != nil {
		return nil, nil, err
	}
	if len(runs) > 0 {
		d.Last = runs[0]
	}
	return d, full, b.fillNext(ctx, []*DAG{d})
}

// ActiveRuns is how many runs of a DAG are queued or running.
func (b *Browser) ActiveRuns(ctx context.Context, dagID string) (int, error) {
	return b.o.Store.CountRuns(ctx, dagID, dag.RunQueued, dag.RunRunning)
}

// Version is a version of a DAG.
type Version struct {
	store.Version

	DisplayName string
}

// LatestVersion is the version that a scheduler has seen last, or nil before one has.
func (b *Browser) LatestVersion(ctx context.Context, dagID string) (*Version, error) {
	st, err := b.o.Store.DAG(ctx, dagID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // documented
	}
	if err != nil {
		return nil, err
	}
	v, err := b.o.Store.VersionInfo(ctx, st.Version)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // documented
	}
	if err != nil {
		return nil, err
	}
	return &Version{*v, b.displayName(ctx, v.Version, dagID)}, nil
}

// displayName is how people call the DAG of a version.
func (b *Browser) displayName(ctx context.Context, version, dagID string) string {
	if d := b.restored(ctx, version); d != nil {
		return cmp.Or(d.DisplayName, dagID)
	}
	return dagID
}

// Timing says when a DAG runs: what its schedule is, empty for none, and in the words of Airflow.
func (d *DAG) Timing() (summary, description string) {
	switch {
	case d.OnAssets && d.Schedule.Kind != dag.NoSchedule:
		return "AssetOrTimeSchedule", "Triggered by assets or " + d.Schedule.String()
	case d.OnAssets:
		return "Asset", "Triggered by assets"
	}
	switch d.Schedule.Kind {
	case dag.OnceSchedule:
		return "@once", "Once, as soon as possible"
	case dag.ContinuousSchedule:
		return "@continuous", "As frequently as possible, but only one run at a time."
	case dag.EverySchedule:
		return delta(d.Schedule.Every), d.ScheduleSummary
	case dag.CronSchedule:
		return d.Schedule.String(), d.ScheduleSummary
	default:
		return "", "Never, external triggers only"
	}
}

// waitsFor reports whether a text is in the name or the URI of an asset that a DAG waits for.
func (b *Browser) waitsFor(ctx context.Context, d *DAG, text string) bool {
	if !d.OnAssets {
		return false
	}
	full, err := b.current(ctx, d.ID)
	if err != nil {
		return false // its file can't be read for now
	}
	text = strings.ToLower(text)
	return slices.ContainsFunc(full.Assets.Assets(), func(a *dag.Asset) bool {
		return strings.Contains(strings.ToLower(a.Name), text) || strings.Contains(strings.ToLower(a.URI), text)
	})
}

// TimetableType is the class that its timetable has in Airflow.
func (d *DAG) TimetableType() string {
	cron := d.Schedule.Kind == dag.CronSchedule
	switch {
	case d.OnAssets && d.Schedule.Kind != dag.NoSchedule:
		return "AssetOrTimeSchedule"
	case d.OnAssets:
		return "AssetTriggeredTimetable"
	case d.Schedule.Kind == dag.OnceSchedule:
		return "OnceTimetable"
	case d.Schedule.Kind == dag.ContinuousSchedule:
		return "ContinuousTimetable"
	case cron && d.Schedule.Interval:
		return "CronDataIntervalTimetable"
	case cron && strings.Contains(d.Schedule.Crons, "\n"):
		return "MultipleCronTriggerTimetable"
	case cron:
		return "CronTriggerTimetable"
	case d.Schedule.Kind == dag.EverySchedule && d.Schedule.Interval:
		return "DeltaDataIntervalTimetable"
	case d.Schedule.Kind == dag.EverySchedule:
		return "DeltaTriggerTimetable"
	default:
		return "NullTimetable"
	}
}

// delta is a duration as Python writes it: 1 day, 0:30:00.
func delta(d time.Duration) string {
	const day = 24 * time.Hour
	days, rest := d/day, d%day
	text := fmt.Sprintf("%d:%02d:%02d", rest/time.Hour, rest%time.Hour/time.Minute, rest%time.Minute/time.Second)
	switch days {
	case 0:
		return text
	case 1:
		return "1 day, " + text
	default:
		return fmt.Sprintf("%d days, %s", days, text)
	}
}

// Task is a task with the ids of those that follow it.
type Task struct {
	*dag.Task

	DownstreamIDs []string
}

// TaskIn is a task of a DAG.
func TaskIn(d *dag.DAG, t *dag.Task) *Task { return &Task{t, d.TaskIDs(t.Downstream)} }

// AssetExpression is what a DAG waits for, as JSON; null for none.
func (*Browser) AssetExpression(d *dag.DAG) (json.RawMessage, error) {
	return json.Marshal(expression(d.Assets))
}

func expression(c *dag.AssetCondition) any {
	switch {
	case c == nil:
		return nil
	case c.Asset != nil:
		return map[string]any{"asset": map[string]string{"uri": c.Asset.URI, "name": c.Asset.Name, "group": c.Asset.Group}}
	}
	parts := make([]any, len(c.Of))
	for i, p := range c.Of {
		parts[i] = expression(p)
	}
	if c.Any {
		return map[string]any{"any": parts}
	}
	return map[string]any{"all": parts}
}

// DefaultArgs are the default_args of a DAG as values of JSON, secrets masked: empty for a DAG without any, and nil for
// one whose file is gone, of which nobody knows.
func (b *Browser) DefaultArgs(d *DAG, full *dag.DAG) map[string]any {
	if d.Stale {
		return nil
	}
	out, ok := full.DefaultArgs.JSON(b.o.API.Mask).(map[string]any)
	if !ok {
		out = map[string]any{}
	}
	return out
}
