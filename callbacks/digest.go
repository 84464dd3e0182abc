package callbacks

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Digest is what a message tells in place of several others. It has no more groups than
// [maxGroups]; what is left out is counted.
type Digest struct {
	// ID is the number of the message.
	ID int64 `json:"id"`
	// Kinds counts the events, most urgent first.
	Kinds []KindCount `json:"kinds"`
	// First and Last are when the first and the last message were written.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// DAGs is how many there are, the first of them by name.
	DAGs    int      `json:"dags"`
	DAGList []string `json:"dag_list,omitempty"`
	// Groups are events of one kind and task, or DAG, in the order in which one asks: failures
	// before all else, and of these first what failed first.
	Groups []DigestGroup `json:"groups,omitempty"`
	// MoreGroups is how many are left out, MoreEvents how many events these have.
	MoreGroups int `json:"more_groups,omitempty"`
	MoreEvents int `json:"more_events,omitempty"`
	// Mended counts the events of failed tasks and runs that have succeeded since; no group has
	// them. MendedList names the first of them.
	Mended     int      `json:"mended,omitempty"`
	MendedList []string `json:"mended_list,omitempty"`
}

// KindCount is how many events there are of a kind.
type KindCount struct {
	Kind  Kind `json:"kind"`
	Count int  `json:"count"`
}

// DigestGroup are events of one kind that tell of the same task, or of the same DAG.
type DigestGroup struct {
	Kind   Kind   `json:"kind"`
	DAGID  string `json:"dag_id,omitempty"`
	TaskID string `json:"task_id,omitempty"`
	// Count is how many there are, Runs in how many runs, RunID the first of these.
	Count int    `json:"count"`
	Runs  int    `json:"runs,omitempty"`
	RunID string `json:"run_id,omitempty"`
	// Tasks are the first of several tasks that one group tells of, TaskCount how many there are;
	// TaskID is empty then.
	Tasks     []string `json:"tasks,omitempty"`
	TaskCount int      `json:"task_count,omitempty"`
	// MapIndexes are the first instances of a mapped task.
	MapIndexes []int `json:"map_indexes,omitempty"`
	// Error is that of the first, or what it says else; Errors is how many differ.
	Error  string `json:"error,omitempty"`
	Errors int    `json:"errors,omitempty"`
	// Blocks are the tasks that the first keeps from running.
	Blocks []string `json:"blocks,omitempty"`
	// Broken says of recoveries since when it was broken, for how long, and after how many failures.
	Broken string `json:"broken,omitempty"`

	// seen are the runs, errors the hashes of the errors, events those of what happened: several
	// callbacks may tell the same.
	seen   map[string]bool
	errors map[uint64]bool
	events map[uint64]bool
	// mended are the recoveries of the group as one.
	mended *Event
}

const (
	// maxGroups is how many groups a digest lists, maxNamed how many things it names in a row.
	maxGroups = 30
	maxNamed  = 5
	// maxTasks is how many tasks a digest tells of one by one; of more it tells by DAG.
	maxTasks = 12
	// maxGroupError is how many bytes of an error a line of a digest shows, and maxDistinct how
	// many errors or runs of a group are told apart.
	maxGroupError = 200
	maxDistinct   = 1000
)

// DigestBuilder collects what a [Digest] tells.
type DigestBuilder struct {
	digest Digest
	kinds  map[Kind]int
	dags   map[string]bool
	groups map[groupKey]*DigestGroup
	order  []groupKey
	zone   string
	host   string
	// problem is the first that says why a message comes this way.
	problem string
	prog    string
}

type groupKey struct {
	kind      Kind
	dag, task string
}

// happened tells events of a group apart.
type happened struct {
	run      string
	mapIndex int
	try      int
}

// NewDigest begins a digest with the number of its message.
func NewDigest(id int64) *DigestBuilder {
	return &DigestBuilder{digest: Digest{ID: id}, kinds: map[Kind]int{}, dags: map[string]bool{}, groups: map[groupKey]*DigestGroup{}}
}

// Add adds the event of a message that was written at a moment. said is what people wrote
// instead of the default message, empty for that. What has been mended since is only counted.
func (b *DigestBuilder) Add(ev *Event, at time.Time, said string, mended bool) {
	d := &b.digest
	if d.First.IsZero() || at.Before(d.First) {
		d.First = at
	}
	if at.After(d.Last) {
		d.Last = at
	}
	b.zone, b.host, b.prog = cmp.Or(b.zone, ev.Timezone), cmp.Or(b.host, ev.Host), cmp.Or(b.prog, ev.Program)
	if ev.DAGID != "" {
		b.dags[ev.DAGID] = true
	}
	if mended {
		b.kinds[ev.Kind]++
		if d.Mended++; len(d.MendedList) < maxNamed && !slices.Contains(d.MendedList, ev.Subject()) {
			d.MendedList = append(d.MendedList, ev.Subject())
		}
		return
	}
	key := groupKey{kind: ev.Kind, dag: ev.DAGID, task: ev.TaskID}
	g := b.groups[key]
	if g == nil {
		g = &DigestGroup{
			Kind: ev.Kind, DAGID: ev.DAGID, TaskID: ev.TaskID, RunID: ev.RunID, Blocks: ev.Blocks,
			Error: groupError(ev, said), seen: map[string]bool{}, errors: map[uint64]bool{}, events: map[uint64]bool{},
		}
		b.groups[key], b.order = g, append(b.order, key)
	}
	if g.add(ev, maphash.String(errorSeed, cmp.Or(said, ev.Error, ev.Reason))) {
		b.kinds[ev.Kind]++
		g.addRecovery(ev)
	}
	if ev.Problem != "" && b.problem == "" {
		b.problem = ev.Problem
	}
}

// errorSeed is that of the hashes by which errors are told apart.
var errorSeed = maphash.MakeSeed()

// add counts an event, unless another callback has told it.
func (g *DigestGroup) add(ev *Event, text uint64) bool {
	event := maphash.Comparable(errorSeed, happened{ev.RunID, ev.MapIndex, ev.TryNumber})
	if ev.RunID != "" && g.events[event] {
		return false
	}
	g.events[event] = true
	g.Count++
	if ev.RunID != "" && len(g.seen) < maxDistinct && !g.seen[ev.RunID] {
		g.seen[ev.RunID] = true
		g.Runs++
	}
	if len(g.errors) < maxDistinct && !g.errors[text] {
		g.errors[text] = true
		g.Errors++
	}
	if ev.MapIndex >= 0 && !slices.Contains(g.MapIndexes, ev.MapIndex) {
		g.MapIndexes = append(g.MapIndexes, ev.MapIndex) // the lowest
		slices.Sort(g.MapIndexes)
		g.MapIndexes = g.MapIndexes[:min(len(g.MapIndexes), maxNamed)]
	}
	return true
}

// addRecovery adds a recovery to those that the group tells.
func (g *DigestGroup) addRecovery(ev *Event) {
	if ev.Kind != Recovery || ev.BrokenSince == nil || ev.EndDate == nil {
		return
	}
	all := *ev
	if m := g.mended; m != nil {
		all.Failures += m.Failures
		if m.BrokenSince.Before(*all.BrokenSince) {
			all.BrokenSince = m.BrokenSince
		}
		if m.EndDate.After(*all.EndDate) {
			all.EndDate = m.EndDate
		}
	}
	g.mended = &all
	g.Broken = fmt.Sprintf("%s, for %s, %s", all.moment(all.BrokenSince), between(all.BrokenSince, all.EndDate), counted(all.Failures, "failure"))
}

// groupError is what a line of a digest says of an event.
func groupError(ev *Event, said string) string {
	text := cmp.Or(said, ev.Error, ev.Paused, ev.Reason)
	if ev.Kind == Missed && said == "" && ev.Paused == "" {
		text = strings.TrimSpace(ev.ticks() + " " + ev.Reason)
	}
	const enough = 8 * maxGroupError // to clean, and to have so much of it left
	if len(text) > enough {
		text = strings.ToValidUTF8(text[:enough], "")
	}
	text = strings.Join(strings.Fields(Clean(text)), " ")
	if len(text) > maxGroupError {
		text = strings.ToValidUTF8(text[:maxGroupError], "") + "…"
	}
	return text
}

// DAGs are those that the digest tells of, in no order.
func (b *DigestBuilder) DAGs() []string { return slices.Collect(maps.Keys(b.dags)) }

// Event is what the digest tells, as an event.
func (b *DigestBuilder) Event() *Event {
	d := b.digest
	for k, n := range b.kinds {
		d.Kinds = append(d.Kinds, KindCount{k, n})
	}
	slices.SortFunc(d.Kinds, func(a, b KindCount) int {
		return cmp.Or(cmp.Compare(urgency(a.Kind), urgency(b.Kind)), cmp.Compare(a.Kind, b.Kind))
	})
	d.DAGs, d.DAGList = len(b.dags), slices.Sorted(maps.Keys(b.dags))
	dagID := ""
	if d.DAGs == 1 {
		dagID = d.DAGList[0]
	}
	d.DAGList = d.DAGList[:min(len(d.DAGList), maxNamed)]
	// What failed first comes first, so a cause before what failed for it.
	slices.SortStableFunc(b.order, func(a, c groupKey) int { return cmp.Compare(urgency(a.kind), urgency(c.kind)) })
	for _, key := range b.order {
		d.Groups = append(d.Groups, *b.groups[key])
	}
	if len(d.Groups) > maxTasks && len(b.dags) > 1 {
		d.Groups = byDAG(d.Groups)
	}
	ev := &Event{Kind: Folded, DAGID: dagID, MapIndex: -1, State: "folded", Timezone: b.zone, Host: b.host, Program: b.prog, Problem: b.problem, Digest: &d}
	return ev.Shorter(maxGroups)
}

// byDAG puts groups of tasks of one DAG into one each. What fails for a run as a whole stays apart.
func byDAG(groups []DigestGroup) (out []DigestGroup) {
	at := map[groupKey]int{}
	for _, g := range groups {
		if g.TaskID == "" {
			out = append(out, g)
			continue
		}
		key := groupKey{kind: g.Kind, dag: g.DAGID}
		i, ok := at[key]
		if !ok {
			at[key] = len(out)
			g.Tasks, g.TaskCount = []string{g.TaskID}, 1
			out = append(out, g)
			continue
		}
		sum := &out[i]
		sum.Count += g.Count
		sum.TaskCount++
		sum.TaskID, sum.MapIndexes, sum.Blocks = "", nil, nil
		if len(sum.Tasks) < maxNamed {
			sum.Tasks = append(sum.Tasks, g.TaskID)
		}
		maps.Copy(sum.seen, g.seen)
		maps.Copy(sum.errors, g.errors)
		sum.Runs, sum.Errors = len(sum.seen), len(sum.errors)
		if g.mended != nil {
			sum.addRecovery(g.mended)
		}
	}
	return out
}

// urgency orders kinds by what one asks for first.
func urgency(k Kind) int {
	i := slices.Index([]Kind{Failure, Deadline, Missed, ImportError, Retry}, k)
	if i < 0 {
		return 9
	}
	return i
}

// Shorter is a digest that lists at most so many groups.
func (ev *Event) Shorter(groups int) *Event {
	out, d := *ev, *ev.Digest
	out.Digest = &d
	for i := len(d.Groups) - 1; i >= groups; i-- {
		d.MoreGroups++
		d.MoreEvents += d.Groups[i].Count
	}
	d.Groups = d.Groups[:min(len(d.Groups), groups)]
	return &out
}

// plain is a digest without anything that a task has printed or a person has written.
func (d *Digest) plain() *Digest {
	out := *d
	out.Groups = slices.Clone(d.Groups)
	for i := range out.Groups {
		out.Groups[i].Error, out.Groups[i].Errors = "", 0
	}
	return &out
}

// subject says how much a digest tells: "488 失败 failed, 12 将重试 retried (20 DAGs)".
func (d *Digest) subject() string {
	var parts []string
	for _, k := range d.Kinds {
		parts = append(parts, fmt.Sprintf("%d %s", k.Count, kindWords(k.Kind)))
	}
	text := strings.Join(parts, ", ")
	switch {
	case d.DAGs == 1:
		return text + ": " + d.DAGList[0]
	case d.DAGs > 1:
		return fmt.Sprintf("%s (%d DAGs)", text, d.DAGs)
	}
	return text
}

// kindWords names a kind of event in a digest.
func kindWords(k Kind) string {
	words, ok := map[Kind]string{
		Execute: "开始 started", Success: "成功 succeeded", Failure: "失败 failed", Retry: "将重试 retried", Skipped: "跳过 skipped",
		Missed: "未运行 missed", Recovery: "已恢复 recovered", Deadline: "超期 late", ImportError: "文件错误 broken files",
	}[k]
	if !ok {
		return strings.ReplaceAll(strings.TrimPrefix(string(k), "on_"), "_", " ")
	}
	return words
}

// digestFacts lists what a digest tells: how much, a line for each group, and where the rest is.
func (ev *Event) digestFacts() []Fact {
	d := ev.Digest
	if d == nil {
		return nil
	}
	facts := []Fact{
		{Label: "最早 First", Value: ev.moment(&d.First)},
		{Label: "最晚 Last", Value: ev.moment(&d.Last)},
	}
	if d.DAGs > 1 {
		facts = append(facts, Fact{"DAG", listed(d.DAGList, d.DAGs), true})
	}
	for _, g := range d.Groups {
		facts = append(facts, Fact{Label: groupLabel(g.Kind), Value: g.line()})
	}
	if d.MoreGroups > 0 {
		facts = append(facts, Fact{Label: "其余 More", Value: counted(d.MoreEvents, "alert") + " without a line here"})
	}
	if d.Mended > 0 {
		facts = append(facts, Fact{Label: "已恢复 Recovered since", Value: fmt.Sprintf("%d: %s", d.Mended, listed(d.MendedList, d.Mended))})
	}
	if ev.Program != "" {
		facts = append(facts, Fact{"全部 All", fmt.Sprintf("%s alerts list --digest %d", ev.Program, d.ID), true})
	}
	return facts
}

func groupLabel(k Kind) string {
	zh, en, _ := strings.Cut(kindWords(k), " ")
	if en == "" {
		return zh
	}
	return zh + " " + strings.ToUpper(en[:1]) + en[1:]
}

// line tells a group: "etl.load × 25 (instances 0, 1, 2, …; 3 runs, the first r1): exit code 1; blocks report".
func (g *DigestGroup) line() string {
	var b strings.Builder
	b.WriteString(cmp.Or(g.DAGID, "-"))
	if g.TaskID != "" {
		b.WriteString("." + g.TaskID)
	}
	if g.Count > 1 {
		fmt.Fprintf(&b, " × %d", g.Count)
	}
	var more []string
	if g.TaskCount > 1 {
		more = append(more, "tasks "+listed(g.Tasks, g.TaskCount))
	}
	if len(g.MapIndexes) > 0 {
		more = append(more, g.instances())
	}
	switch {
	case g.Runs > 1:
		more = append(more, fmt.Sprintf("%d runs, the first %s", g.Runs, g.RunID))
	case g.RunID != "":
		more = append(more, g.RunID)
	}
	if len(more) > 0 {
		b.WriteString(" (" + strings.Join(more, "; ") + ")")
	}
	if g.Error != "" {
		b.WriteString(": " + g.Error)
		if g.Errors > 1 {
			fmt.Fprintf(&b, " (and %s)", counted(g.Errors-1, "other error"))
		}
	}
	if g.Broken != "" {
		b.WriteString("; 中断始于 broken since " + g.Broken)
	}
	if len(g.Blocks) > 0 {
		b.WriteString("; 下游受阻 blocks " + listed(g.Blocks[:min(len(g.Blocks), maxNamed)], len(g.Blocks)))
	}
	return b.String()
}

// counted is a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// instances names the instances of a mapped task.
func (g *DigestGroup) instances() string {
	texts := make([]string, len(g.MapIndexes))
	for i, n := range g.MapIndexes {
		texts[i] = strconv.Itoa(n)
	}
	switch {
	case g.Count == 1:
		return "instance " + texts[0]
	case g.Count > len(texts):
		texts = append(texts, "…")
	}
	return "instances " + strings.Join(texts, ", ")
}

// listed are the first of so many names.
func listed(first []string, all int) string {
	text := strings.Join(first, ", ")
	if n := all - len(first); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}
