package dagfile

import (
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/former"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/dag/dagfile/schedule"
	"github.com/dingdag/dingdag/dag/dagfile/wiring"
	"github.com/dingdag/dingdag/dag/templatefile"
	"github.com/dingdag/dingdag/yamlvalue"
)

// dagReader turns the merged mapping of one DAG into a DAG.
type dagReader struct {
	keys.Reader
	*fileReader
	// listReplaced says that the DAG's list of tasks took the place of the default block's.
	listReplaced bool

	draft *keys.DAG
	// bases are what the tasks of each group start from, those at top level under nil.
	bases         map[*wiring.Group]*keys.Base
	groups        []*wiring.Group
	tasks         []*wiring.Task
	readCallbacks map[*yaml.Node][]dag.Callback
	files         *templatefile.Collector
}

// newReader returns a reader of a DAG in a scope.
func (f *fileReader) newReader(s reading.Scope, d *dag.DAG) *dagReader {
	r := &dagReader{fileReader: f, draft: &keys.DAG{DAG: d}, readCallbacks: map[*yaml.Node][]dag.Callback{}, files: &templatefile.Collector{}}
	r.Reader = keys.Reader{
		Reader: schedule.Reader{
			Scope: s, Root: f.src.Root, Document: f.opts.document(), Zones: &f.zones, Intervals: f.opts.CronIntervals,
			Trigger: func(s reading.Scope, name, args *yaml.Node) (dag.Trigger, bool) {
				in := *r
				in.Scope = s
				return in.trigger(name, args)
			},
		},
		DateZone: f.opts.Location, Now: f.opts.Now(), Restoring: f.opts.restoring, CheckParam: f.opts.CheckParam, CheckOwner: f.opts.CheckOwner,
		Unsure: &Unsure{},
		Callbacks: func(s reading.Scope, key, value *yaml.Node) []dag.Callback {
			in := *r
			in.Scope = s
			return in.callbacks(key, value)
		},
	}
	return r
}

// inTask returns a reader whose messages name a task.
func (r *dagReader) inTask(id string) *dagReader {
	c := *r
	c.Scope = c.Scope.Task(id)
	return &c
}

// read returns the DAG, or after an error what could be read of it. Every part is read, so
// that all mistakes are reported at once.
func (r *dagReader) read(name, body *yaml.Node) (*dag.DAG, *BrokenDAG) {
	whole := r.Failed() == 0
	if checkID(r.Scope, name, "dag_id", isIDRune, maxIDLength) {
		r.checkPath(name, "dag_id", name.Value)
	}
	if !whole { // without its defaults
		*r.Unsure = Unsure{Tasks: true, Params: true, Macros: true}
	}
	keys.DAGs.Reset(r.draft)
	r.draft.Catchup = r.opts.CatchupByDefault
	r.readKeys(body)
	r.readTimezone()
	r.readDefaultArgs()
	r.readDates()
	r.draft.Deadlines = r.Deadlines(r.draft.Raw.Deadlines)
	r.readSchedule()
	r.readDocs()
	r.readGroups()
	r.readTasks(name)
	r.draft.Declared = wiring.Wire(r.Scope, r.tasks, r.groups)
	r.restOnFiles()
	switch {
	case r.budget < 0:
		return nil, nil
	case r.Failed() > 0:
		return nil, &BrokenDAG{DAG: r.assemble(), Unsure: *r.Unsure}
	}
	return r.finish(), nil
}

func (r *dagReader) readKeys(body *yaml.Node) {
	for k, v := range yamlvalue.Pairs(body) {
		if known, ok := keys.DAGs.Find(k.Value); ok {
			r.WarnOlder(k)
			known.Apply(&r.Reader, r.draft, k, v)
			continue
		}
		if why, rejected := keys.Rejected(k.Value); rejected {
			r.Errorf(k, "%s %s", yamlvalue.Excerpt(k.Value), why)
			continue
		}
		if _, ofTasks := keys.Common.Find(k.Value); ofTasks {
			r.Errorf(k, "%s is a key of tasks: put it into default_args", yamlvalue.Excerpt(k.Value))
			continue
		}
		r.unknownDAGKey(k)
	}
	if c := r.draft.Raw.Concurrency; c.Present() {
		old, _ := former.OfDAG("concurrency")
		r.Warnf(c.Key, "%s", old.Warning())
		if n, ok := r.Integer("concurrency", c.Value, 1, 1<<31-1); ok {
			r.draft.MaxActiveTasks = n
		}
	}
}

// unknownDAGKey reports a key that no DAG has. dag-factory ignores such a key in silence: it is an
// error if it may stand for one that would change what runs.
func (r *dagReader) unknownDAGKey(k *yaml.Node) {
	_, ofSensors := keys.Sensors.Find(k.Value)
	if _, old := former.OfTask(k.Value); old || ofSensors || r.Loader.isOperatorParam(k.Value) {
		r.Errorf(k, "%s is a key of tasks: put it into default_args", yamlvalue.Excerpt(k.Value))
		return
	}
	r.Unsure.Misspelt(k.Value)
	near, certain := r.Near(k.Value, keys.DAGs.Names())
	switch {
	case near != "" || !certain:
		r.Errorf(k, "unknown key %q%s", yamlvalue.Excerpt(k.Value), near)
		return
	case r.unknownCallback(k):
		return
	}
	r.Warnf(k, "unknown key %q has no effect: remove it, or write vars for a place for anchors", yamlvalue.Excerpt(k.Value))
}

func (r *dagReader) readTimezone() {
	r.DateZone = r.opts.Location
	if tz := r.draft.Raw.Timezone; tz.Present() {
		if loc, ok := r.Zone(tz.Value, r.Zones); ok {
			r.DateZone = loc
		}
		if !r.draft.Raw.StartDate.Present() && !r.Restoring {
			r.Warnf(tz.Key, "timezone has no effect on the schedule without a start_date beside it")
		}
	}
}

// readDefaultArgs applies the DAG's default_args to the base of its tasks. Dates
// there have a zone of their own.
func (r *dagReader) readDefaultArgs() {
	base := &keys.Base{}
	r.bases = map[*wiring.Group]*keys.Base{nil: base}
	base.Settings = &dag.Settings{}
	keys.Common.Reset(base)
	keys.Sensors.Reset(&base.Sensing)
	// A run is neither tried again nor skipped: on a DAG these are for its tasks.
	base.OnExecute, base.OnRetry, base.OnSkipped = r.draft.OnExecute, r.draft.OnRetry, r.draft.OnSkipped
	reader := *r
	if _, tz := yamlvalue.Lookup(r.draft.Raw.DefaultArgs.Value, "timezone"); tz != nil {
		if loc, ok := r.Zone(tz, r.Zones); ok {
			reader.DateZone = loc
		}
	} else {
		reader.DateZone = r.opts.Location
	}
	reader.applyDefaults(base, r.draft.Raw.DefaultArgs)
	if v := r.draft.Raw.DefaultArgs.Value; v != nil && v.Kind == yaml.MappingNode && !r.Restoring {
		r.draft.DefaultArgs = yamlvalue.Pack(shownArgs(v, base))
	}
}

// shownArgs are default_args as programs read them, with what was read of them.
func shownArgs(args *yaml.Node, base *keys.Base) *yaml.Node {
	read := map[string]string{}
	for key, d := range map[string]time.Duration{"retry_delay": base.RetryDelay, "max_retry_delay": base.MaxRetryDelay, "execution_timeout": base.ExecutionTimeout} {
		read[key] = yamlvalue.FormatISO(d)
	}
	for key, t := range map[string]time.Time{"start_date": base.StartDate, "end_date": base.EndDate} {
		read[key] = t.UTC().Format(time.RFC3339Nano)
	}
	var shown []*yaml.Node
	for k, v := range yamlvalue.Pairs(args) {
		text, typed := read[k.Value]
		switch {
		case strings.HasPrefix(k.Value, "on_") && strings.HasSuffix(k.Value, "_callback"):
			continue
		case typed && yamlvalue.KindOf(v) != yamlvalue.Null:
			v = yamlvalue.NewScalar(yamlvalue.Text, text, v)
		}
		shown = append(shown, k, v)
	}
	out := *args
	out.Content = shown
	return &out
}

// readDates settles the DAG's dates and the zone of a plain cron expression, which is
// that of the start date.
func (r *dagReader) readDates() {
	d := r.draft
	d.StartDate, d.EndDate = r.bases[nil].StartDate, r.bases[nil].EndDate
	if p := d.Raw.StartDate; p.Present() {
		d.StartDate, _ = r.Date("start_date", p.Value, r.DateZone, r.Now)
	}
	if p := d.Raw.EndDate; p.Present() {
		d.EndDate, _ = r.Date("end_date", p.Value, r.DateZone, r.Now)
	}
	if !d.StartDate.IsZero() && !d.EndDate.IsZero() && d.EndDate.Before(d.StartDate) {
		at := d.Raw.EndDate.Key
		if !d.Raw.EndDate.Present() {
			at, _ = yamlvalue.Lookup(d.Raw.DefaultArgs.Value, "end_date")
		}
		r.Warnf(at, "end_date is before start_date: the DAG never runs on its schedule")
	}
	d.PlainZone = r.opts.Location
	if !d.StartDate.IsZero() {
		d.PlainZone = d.StartDate.Location()
	}
}

func (r *dagReader) readSchedule() {
	d := r.draft
	p := d.DAG
	p.Location = d.PlainZone
	p.Timetable, _ = dag.Schedule{}.NewTimetable(time.UTC)
	given := d.Raw.Schedule
	if d.Raw.Timetable.Value != nil {
		if given.Value != nil {
			r.Errorf(d.Raw.Timetable.Key, "timetable is another spelling of schedule: keep one of them")
			return
		}
		given = d.Raw.Timetable
	}
	if given.Value == nil {
		return
	}
	plan, on, ok := r.Schedule(given.Value)
	if d.Assets = on; !ok {
		return
	}
	if plan.Zone != "" {
		loc, err := r.Zones.Load(plan.Zone)
		if err != nil {
			r.Errorf(given.Value, "schedule: %v", err)
			return
		}
		p.Location = loc
	}
	built, warnings, err := r.timetables.get(plan, p.Location)
	if err != nil {
		r.Errorf(given.Value, "schedule: %v", err)
		return
	}
	for _, text := range warnings {
		r.Warnf(given.Value, "schedule: %s", text)
	}
	p.Schedule, p.Timetable, p.ScheduleText = plan, built, plan.String()
	if p.Assets != nil {
		p.ScheduleText = p.ScheduleSummary()
	}
	r.checkSchedule(given, plan)
}

func (r *dagReader) checkSchedule(given keys.Pair, plan dag.Schedule) {
	d := r.draft
	if plan.Kind == dag.ContinuousSchedule && d.MaxActiveRuns != 1 {
		r.Errorf(given.Value, "the schedule @continuous needs max_active_runs: 1")
	}
	if plan.Kind == dag.NoSchedule && d.Assets == nil {
		return
	}
	if plan.Kind != dag.NoSchedule {
		r.checkCatchup(given)
	}
	for name := range d.ParamSchemas {
		if _, has := d.Params.Get(name); !has {
			r.Errorf(given.Key, "param %q has no default: a DAG with a schedule needs one for each param", name)
		}
	}
}

// checkCatchup looks for the first moment to catch up with.
func (r *dagReader) checkCatchup(given keys.Pair) {
	d := r.draft
	if d.Catchup && d.StartDate.IsZero() && r.opts.CatchupByDefault {
		r.Warnf(given.Key, "there is nothing to catch up with: the DAG has no start_date")
		d.Catchup = false
	}
	if d.Catchup && d.StartDate.IsZero() {
		r.Errorf(given.Key, "catchup needs a start_date: the first moment to catch up with")
	}
}

// readDocs reads the file that doc_md_file_path names.
func (r *dagReader) readDocs() {
	p := r.draft.Raw.DocFile
	if !p.Present() {
		return
	}
	r.Rests.Volatile = true
	path, ok := r.Text("doc_md_file_path", p.Value)
	if !ok {
		return
	}
	if !filepath.IsAbs(path) {
		r.Errorf(p.Value, "doc_md_file_path must be absolute")
		return
	}
	text, err := os.ReadFile(path) //nolint:gosec // reading the named file is what the key is for
	if err != nil {
		r.Errorf(p.Value, "read doc_md_file_path: %v", err)
		return
	}
	if len(text) > document.MaxSize || !utf8.Valid(text) {
		r.Errorf(p.Value, "doc_md_file_path must be UTF-8 text of at most %d bytes", document.MaxSize)
		return
	}
	r.draft.DocMD = string(text)
}

const (
	maxIDLength    = 250
	maxGroupLength = 200
	// maxPathBytes is how long the name of a folder may be.
	maxPathBytes = 255
)

// checkPath reports an id after which no folder can be named, as that of its logs is: "dag_id="
// and the id, or "task_id=" and the id.
func (r *dagReader) checkPath(n *yaml.Node, what, id string) {
	if longest := maxPathBytes - len(what) - len("="); len(id) > longest && !r.Restoring {
		r.Errorf(n, "%s has %d bytes, and at most %d are allowed, because the folder of its logs is named after it: shorten it%s",
			what, len(id), longest, manyBytes(id))
	}
}

// manyBytes explains why an id has more bytes than letters.
func manyBytes(id string) string {
	if utf8.RuneCountInString(id) == len(id) {
		return ""
	}
	return " (a non-ASCII letter takes 2 to 4)"
}

// isIDRune reports whether a rune may stand in a DAG or task id: Python's \w, dot and dash.
func isIDRune(c rune) bool { return c == '.' || isGroupRune(c) }

func isGroupRune(c rune) bool {
	return c == '_' || c == '-' || unicode.IsLetter(c) || unicode.IsNumber(c)
}

// checkID reports an id that is no text, too long, or has other characters.
func checkID(s reading.Scope, n *yaml.Node, what string, fine func(rune) bool, longest int) bool {
	if yamlvalue.KindOf(n) != yamlvalue.Text {
		s.Errorf(n, "%s must be text, not %s: quote it", what, reading.Show(n))
		return false
	}
	if n.Value == "" || utf8.RuneCountInString(n.Value) > longest {
		s.Errorf(n, "%s must have 1 to %d characters", what, longest)
		return false
	}
	if i := strings.IndexFunc(n.Value, func(c rune) bool { return !fine(c) }); i >= 0 {
		c, _ := utf8.DecodeRuneInString(n.Value[i:])
		also := ", dots"
		if !fine('.') {
			also = ""
		}
		s.Errorf(n, "%s %q has the character %q: only letters, digits, underscores%s and dashes are allowed",
			what, yamlvalue.Excerpt(n.Value), c, also)
		return false
	}
	return true
}

// entry is one element of tasks or task_groups.
type entry struct{ name, body *yaml.Node }

// entries reads tasks or task_groups in list or mapping form.
func (r *dagReader) entries(p keys.Pair, idKey string) []entry {
	if !p.Present() {
		return nil
	}
	switch p.Value.Kind {
	case yaml.SequenceNode:
		return r.listed(p, idKey)
	case yaml.MappingNode:
		return r.mapped(p)
	default:
		r.Errorf(p.Value, "%s: want a list or a mapping, not %s", p.Key.Value, reading.Show(p.Value))
		return nil
	}
}

// listed reads a list of mappings, each with its id under idKey.
func (r *dagReader) listed(p keys.Pair, idKey string) (list []entry) {
	for _, body := range p.Value.Content {
		_, name := yamlvalue.Lookup(body, idKey)
		switch {
		case body.Kind != yaml.MappingNode:
			r.Errorf(body, "%s: want a mapping with %s, not %s", p.Key.Value, idKey, reading.Show(body))
		case name == nil:
			r.Errorf(reading.FirstKey(body), "%s is missing", idKey)
		default:
			list = append(list, entry{name, body})
		}
	}
	return list
}

// mapped reads a mapping from ids.
func (r *dagReader) mapped(p keys.Pair) (list []entry) {
	for name, body := range yamlvalue.Pairs(p.Value) {
		if body.Kind != yaml.MappingNode {
			r.Errorf(body, "%s %q: want a mapping, not %s", p.Key.Value, yamlvalue.Excerpt(name.Value), reading.Show(body))
			continue
		}
		list = append(list, entry{name, body})
	}
	return list
}
