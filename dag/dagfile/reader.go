package dagfile

import (
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/document"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/dag/dagfile/schedule"
	"github.com/dingdag/dingdag/yamlvalue"
)

// dagReader turns the merged mapping of one DAG into a DAG.
type dagReader struct {
	reading.Scope
	*fileReader
	now time.Time
	// zone is where dates are placed.
	zone *time.Location
	// listReplaced says that the DAG's list of tasks took the place of the default block's.
	listReplaced bool

	draft         *dagDraft
	base          taskBase
	groups        []*groupDraft
	tasks         []*taskDraft
	readCallbacks map[*yaml.Node][]dag.Callback
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
	r.draft = &dagDraft{DAG: &dag.DAG{ID: name.Value, Pos: r.Position(name)}}
	if !whole { // without its defaults
		r.draft.unsure = Unsure{Tasks: true, Params: true, Macros: true}
	}
	dagKeys.reset(r.draft)
	r.draft.Catchup = r.opts.CatchupByDefault
	r.readKeys(body)
	r.readTimezone()
	r.readDefaultArgs()
	r.readDates()
	r.readDeadlines()
	r.readSchedule()
	r.readDocs()
	r.readGroups()
	r.readTasks(name)
	r.wire()
	switch {
	case r.budget < 0:
		return nil, nil
	case r.Failed() > 0:
		return nil, &BrokenDAG{DAG: r.assemble(), Unsure: r.draft.unsure}
	}
	return r.finish(), nil
}

func (r *dagReader) readKeys(body *yaml.Node) {
	for k, v := range yamlvalue.Pairs(body) {
		if known, ok := dagKeys.find(k.Value); ok {
			known.apply(r, r.draft, k, v)
			continue
		}
		if why, rejected := rejected(k.Value); rejected {
			r.Errorf(k, "%s %s", yamlvalue.Excerpt(k.Value), why)
			continue
		}
		if _, ofTasks := commonKeys.find(k.Value); ofTasks {
			r.Errorf(k, "%s is a key of tasks: put it into default_args", yamlvalue.Excerpt(k.Value))
			continue
		}
		r.draft.unsure.misspelt(k.Value)
		r.Errorf(k, "unknown key %q%s", yamlvalue.Excerpt(k.Value), r.Suggest(k.Value, dagKeys.names()))
	}
	if c := r.draft.concurrency; c.present() {
		r.Warnf(c.key, "concurrency is the old name: use max_active_tasks")
		if n, ok := r.Integer("concurrency", c.value, 1, 1<<31-1); ok {
			r.draft.MaxActiveTasks = n
		}
	}
}

// rejected says what to do instead of a key that has no counterpart.
func rejected(name string) (why string, ok bool) {
	if why, ok = rejectedKeys[name]; ok {
		return why, true
	}
	if strings.HasPrefix(name, "on_") && (strings.HasSuffix(name, "_callback_name") || strings.HasSuffix(name, "_callback_file")) {
		return "needs Python: name a notifier under " + name[:len(name)-len("_name")], true
	}
	return "", false
}

func (r *dagReader) readTimezone() {
	r.zone = r.opts.Location
	if tz := r.draft.timezone; tz.present() {
		if loc, ok := r.Scope.Zone(tz.value, &r.zones); ok {
			r.zone = loc
		}
		if !r.draft.startDate.present() && !r.opts.restoring {
			r.Warnf(tz.key, "timezone has no effect on the schedule without a start_date beside it")
		}
	}
}

// readDefaultArgs applies the DAG's default_args to the base of its tasks. Dates
// there have a zone of their own.
func (r *dagReader) readDefaultArgs() {
	r.base.Settings = &dag.Settings{}
	commonKeys.reset(&r.base)
	sensorKeys.reset(&r.base.sensor)
	// A run is neither tried again nor skipped: on a DAG these are for its tasks.
	r.base.OnExecute, r.base.OnRetry, r.base.OnSkipped = r.draft.onExecute, r.draft.onRetry, r.draft.onSkipped
	reader := *r
	if _, tz := yamlvalue.Lookup(r.draft.defaultArgs.value, "timezone"); tz != nil {
		if loc, ok := r.Scope.Zone(tz, &r.zones); ok {
			reader.zone = loc
		}
	} else {
		reader.zone = r.opts.Location
	}
	reader.applyDefaults(&r.base, r.draft.defaultArgs)
}

// readDates settles the DAG's dates and the zone of a plain cron expression, which is
// that of the start date.
func (r *dagReader) readDates() {
	d := r.draft
	d.StartDate, d.EndDate = r.base.StartDate, r.base.EndDate
	if p := d.startDate; p.present() {
		d.StartDate, _ = r.Date("start_date", p.value, r.zone, r.now)
	}
	if p := d.endDate; p.present() {
		d.EndDate, _ = r.Date("end_date", p.value, r.zone, r.now)
	}
	if !d.StartDate.IsZero() && !d.EndDate.IsZero() && d.EndDate.Before(d.StartDate) {
		at := d.endDate.key
		if !d.endDate.present() {
			at, _ = yamlvalue.Lookup(d.defaultArgs.value, "end_date")
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
	given := d.schedule
	if d.timetable.value != nil {
		if given.value != nil {
			r.Errorf(d.timetable.key, "timetable is another spelling of schedule: keep one of them")
			return
		}
		given = d.timetable
	}
	if given.value == nil {
		return
	}
	plan, on, ok := r.schedules().Schedule(given.value)
	if d.Assets = on; !ok {
		return
	}
	if plan.Zone != "" {
		loc, err := r.zones.Load(plan.Zone)
		if err != nil {
			r.Errorf(given.value, "schedule: %v", err)
			return
		}
		p.Location = loc
	}
	built, warnings, err := r.timetables.get(plan, p.Location)
	if err != nil {
		r.Errorf(given.value, "schedule: %v", err)
		return
	}
	for _, text := range warnings {
		r.Warnf(given.value, "schedule: %s", text)
	}
	p.Schedule, p.Timetable, p.ScheduleText = plan, built, plan.String()
	if p.Assets != nil {
		p.ScheduleText = p.ScheduleSummary()
	}
	r.checkSchedule(given, plan)
}

// schedules reads schedules and assets in the scope of the DAG or a task.
func (r *dagReader) schedules() *schedule.Reader {
	return &schedule.Reader{Scope: r.Scope, Root: r.src.Root, Document: r.opts.document(), Zones: &r.zones, Intervals: r.opts.CronIntervals}
}

func (r *dagReader) checkSchedule(given pair, plan dag.Schedule) {
	d := r.draft
	if plan.Kind == dag.ContinuousSchedule && d.MaxActiveRuns != 1 {
		r.Errorf(given.value, "the schedule @continuous needs max_active_runs: 1")
	}
	if plan.Kind == dag.NoSchedule && d.Assets == nil {
		return
	}
	if plan.Kind != dag.NoSchedule {
		r.checkCatchup(given)
	}
	for name := range d.ParamSchemas {
		if _, has := d.Params.Get(name); !has {
			r.Errorf(given.key, "param %q has no default: a DAG with a schedule needs one for each param", name)
		}
	}
}

// checkCatchup looks for the first moment to catch up with.
func (r *dagReader) checkCatchup(given pair) {
	d := r.draft
	if d.Catchup && d.StartDate.IsZero() && r.opts.CatchupByDefault {
		r.Warnf(given.key, "there is nothing to catch up with: the DAG has no start_date")
		d.Catchup = false
	}
	if d.Catchup && d.StartDate.IsZero() {
		r.Errorf(given.key, "catchup needs a start_date: the first moment to catch up with")
	}
}

// readDocs reads the file that doc_md_file_path names.
func (r *dagReader) readDocs() {
	p := r.draft.docFile
	if !p.present() {
		return
	}
	r.Rests.Volatile = true
	path, ok := r.Text("doc_md_file_path", p.value)
	if !ok {
		return
	}
	if !filepath.IsAbs(path) {
		r.Errorf(p.value, "doc_md_file_path must be absolute")
		return
	}
	text, err := os.ReadFile(path) //nolint:gosec // reading the named file is what the key is for
	if err != nil {
		r.Errorf(p.value, "read doc_md_file_path: %v", err)
		return
	}
	if len(text) > document.MaxSize || !utf8.Valid(text) {
		r.Errorf(p.value, "doc_md_file_path must be UTF-8 text of at most %d bytes", document.MaxSize)
		return
	}
	r.draft.DocMD = string(text)
}

// checkDirectory checks one entry of template_searchpath.
func (r *dagReader) checkDirectory(at *yaml.Node, path string) {
	if r.opts.restoring {
		return
	}
	if !filepath.IsAbs(path) {
		r.Errorf(at, "template_searchpath: %q is not absolute", yamlvalue.Excerpt(path))
		return
	}
	r.Rests.OnDisk = true
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		r.Errorf(at, "template_searchpath: %q is not a directory", yamlvalue.Excerpt(path))
	}
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
	if longest := maxPathBytes - len(what) - len("="); len(id) > longest && !r.opts.restoring {
		r.Errorf(n, "%s has %d bytes, and at most %d are allowed, because the folder of its logs is named after it: shorten it%s",
			what, len(id), longest, manyBytes(id))
	}
}

// manyBytes explains why an id has more bytes than letters.
func manyBytes(id string) string {
	if utf8.RuneCountInString(id) == len(id) {
		return ""
	}
	return " (a letter outside of ASCII takes 2 to 4)"
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
		s.Errorf(n, "%s %q has the character %q: only letters, digits, underscores%s and dashes may stand there",
			what, yamlvalue.Excerpt(n.Value), c, also)
		return false
	}
	return true
}

// entry is one element of tasks or task_groups.
type entry struct{ name, body *yaml.Node }

// entries reads tasks or task_groups in list or mapping form.
func (r *dagReader) entries(p pair, idKey string) []entry {
	if !p.present() {
		return nil
	}
	var list []entry
	switch p.value.Kind {
	case yaml.SequenceNode:
		for _, body := range p.value.Content {
			if body.Kind != yaml.MappingNode {
				r.Errorf(body, "%s: want a mapping with %s, not %s", p.key.Value, idKey, reading.Show(body))
				continue
			}
			_, name := yamlvalue.Lookup(body, idKey)
			if name == nil {
				r.Errorf(firstKey(body), "%s is missing", idKey)
				continue
			}
			list = append(list, entry{name, body})
		}
	case yaml.MappingNode:
		for name, body := range yamlvalue.Pairs(p.value) {
			if body.Kind != yaml.MappingNode {
				r.Errorf(body, "%s %q: want a mapping, not %s", p.key.Value, yamlvalue.Excerpt(name.Value), reading.Show(body))
				continue
			}
			list = append(list, entry{name, body})
		}
	default:
		r.Errorf(p.value, "%s: want a list or a mapping, not %s", p.key.Value, reading.Show(p.value))
	}
	return list
}

// firstKey returns the first key of a mapping, or the mapping itself when it is empty.
func firstKey(n *yaml.Node) *yaml.Node {
	if len(n.Content) > 0 {
		return n.Content[0]
	}
	return n
}

// seqs yields the elements of several sequences one after another.
func seqs(all ...iter.Seq[string]) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, s := range all {
			for v := range s {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// texts yields words as strings.
func texts[V ~string](words []V) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, w := range words {
			if !yield(string(w)) {
				return
			}
		}
	}
}

func joined[V ~string](words []V) string {
	return strings.Join(slices.Collect(texts(words)), ", ")
}
