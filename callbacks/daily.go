package callbacks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How much of a day [Event.Facts] shows: a digest is for reading, the commands are for the rest.
const (
	shownFailures  = 6
	shownUnstarted = 5
	shownPaused    = 3
	shownBroken    = 3
	shownNames     = 10
	// maxDayBytes is how much of an error or a reason it shows.
	maxDayBytes = 200
)

// Day is what on_daily_digest tells. Its lists are bounded and never nil, the numbers count all.
type Day struct {
	// Since and Until bound the time of which it tells.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Succeeded and Failed count the runs that ended in that time, Running and Queued those
	// that are under way at its end.
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Running   int `json:"running"`
	Queued    int `json:"queued"`
	// Unstarted counts the due ticks of which was found in that time that they start no run.
	Unstarted int `json:"unstarted"`
	// DAGs are those with runs, at most 100: those with failures first, by how many, then by id.
	// DAGCount is how many there are, FailedDAGs how many of them have failures.
	DAGs       []DayOfDAG `json:"dags"`
	DAGCount   int        `json:"dag_count"`
	FailedDAGs int        `json:"failed_dags"`
	// Ticks say where ticks started no run, at most 100, those with the most first.
	Ticks     []DayTicks `json:"ticks"`
	TickCount int        `json:"tick_count"`
	// Paused are the DAGs that the scheduler has paused by itself and nobody has unpaused.
	Paused []DayPause `json:"paused"`
	// Broken are the DAG files that can't be loaded.
	Broken []BrokenFile `json:"broken"`
	// Refused and Uncertain count the messages that became so in that time, Waiting those that
	// have waited for more than ten minutes at its end.
	Refused   int `json:"refused"`
	Uncertain int `json:"uncertain"`
	Waiting   int `json:"waiting"`
}

// DayOfDAG is what the runs of a DAG did.
type DayOfDAG struct {
	DAGID     string `json:"dag_id"`
	Succeeded int    `json:"succeeded"`
	Failed    int    `json:"failed"`
	Running   int    `json:"running"`
	Queued    int    `json:"queued"`
	// RunID is the run that failed first, TaskID what failed first in it and Error why, masked.
	// They are empty without a failure, and for all but the first 20 DAGs.
	RunID    string `json:"run_id,omitempty"`
	TaskID   string `json:"task_id,omitempty"`
	MapIndex int    `json:"map_index"`
	Error    string `json:"error,omitempty"`
}

// DayTicks are due ticks of a DAG that started no run.
type DayTicks struct {
	DAGID string `json:"dag_id"`
	// Outcome is missed, skipped, or waiting for what is due and may still start.
	Outcome string    `json:"outcome"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Count   int       `json:"count"`
	// Reason is one of the reasons, Reasons how many different ones there are.
	Reason  string `json:"reason"`
	Reasons int    `json:"reasons"`
}

// DayPause is a DAG that the scheduler has paused by itself.
type DayPause struct {
	DAGID  string    `json:"dag_id"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Well reports whether nothing on that day wants a look.
func (d *Day) Well() bool {
	return d.Failed+d.Unstarted+len(d.Paused)+len(d.Broken)+d.Refused+d.Uncertain+d.Waiting == 0
}

// Summary tells the day in a few words.
func (d *Day) Summary() string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(d.Failed, "failed")
	add(d.Unstarted, "did not start")
	add(d.Succeeded, "succeeded")
	add(d.Running, "running")
	add(len(d.Broken), plural(len(d.Broken), "broken file"))
	if len(parts) == 0 {
		return "nothing ran"
	}
	return strings.Join(parts, ", ")
}

// brief is the day without anything that a task has printed or that stands in a file.
func (d *Day) brief() *Day {
	plain := *d
	plain.DAGs, plain.Ticks, plain.Paused, plain.Broken = slices.Clone(d.DAGs), slices.Clone(d.Ticks), slices.Clone(d.Paused), slices.Clone(d.Broken)
	for i := range plain.DAGs {
		plain.DAGs[i].Error = ""
	}
	for i := range plain.Ticks {
		plain.Ticks[i].Reason, plain.Ticks[i].Reasons = "", 0
	}
	for i := range plain.Paused {
		plain.Paused[i].Reason = ""
	}
	for i := range plain.Broken {
		plain.Broken[i].Error = ""
	}
	return &plain
}

func plural(n int, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}

// facts are those of the day, of which ev tells.
func (d *Day) facts(ev *Event) (all []Fact) {
	all = append(all,
		Fact{Label: "时段 Period", Value: ev.moment(&d.Since) + " .. " + ev.moment(&d.Until)},
		Fact{Label: "运行 Runs", Value: fmt.Sprintf("%d succeeded, %d failed, %d running, %d queued, of %d DAGs", d.Succeeded, d.Failed, d.Running, d.Queued, d.DAGCount)},
	)
	all = append(all, d.failures(ev)...)
	for _, t := range d.Ticks[:min(len(d.Ticks), shownUnstarted)] {
		all = append(all, Fact{Label: "未运行 Did not start", Value: t.text(ev)})
	}
	all = append(all, more("未运行 Did not start", d.TickCount-shownUnstarted, "entries"))
	for _, p := range d.Paused[:min(len(d.Paused), shownPaused)] {
		all = append(all, Fact{Label: "自动暂停 Paused by itself", Value: because(p.DAGID, p.Reason)})
	}
	all = append(all, more("自动暂停 Paused by itself", len(d.Paused)-shownPaused, "DAGs"))
	for _, f := range d.Broken[:min(len(d.Broken), shownBroken)] {
		all = append(all, Fact{Label: "无法加载 Cannot be loaded", Value: because(f.File, f.Error)})
	}
	all = append(all, more("无法加载 Cannot be loaded", len(d.Broken)-shownBroken, "files"))
	if d.Refused+d.Uncertain+d.Waiting > 0 {
		all = append(all, Fact{Label: "未送达 Alerts not delivered", Value: fmt.Sprintf("%d refused, %d uncertain, %d waiting", d.Refused, d.Uncertain, d.Waiting)})
	}
	return append(all, Fact{Label: "成功 Succeeded", Value: d.names(func(g *DayOfDAG) int { return g.Succeeded })},
		Fact{Label: "运行中 Running", Value: d.names(func(g *DayOfDAG) int { return g.Running })})
}

// failures tell of the DAGs that failed most, with the command that shows why.
func (d *Day) failures(ev *Event) (all []Fact) {
	shown := 0
	for i := range d.DAGs {
		g := &d.DAGs[i]
		if g.Failed == 0 || shown == shownFailures {
			break
		}
		shown++
		of := Event{DAGID: g.DAGID, TaskID: g.TaskID, MapIndex: g.MapIndex}
		text := fmt.Sprintf("%s: %d of %d", g.DAGID, g.Failed, g.Failed+g.Succeeded)
		if g.RunID != "" {
			text += ", first " + g.RunID
			if g.TaskID != "" {
				text += ", " + strings.TrimPrefix(of.Subject(), g.DAGID+".")
			}
			text = because(text, g.Error)
		}
		all = append(all, Fact{Label: "失败 Failed", Value: text})
		if ev.Program != "" && g.RunID != "" && g.TaskID != "" {
			words := []string{"tasks", "logs", g.DAGID, g.TaskID, g.RunID}
			if g.MapIndex >= 0 {
				words = append(words, "--map-index", strconv.Itoa(g.MapIndex))
			}
			all = append(all, Fact{"查看 See", ev.Program + " " + ShellLine(words...), true})
		}
	}
	return append(all, more("失败 Failed", d.FailedDAGs-shown, "DAGs"))
}

// more says that there are others, if there are.
func more(label string, n int, what string) Fact {
	if n <= 0 {
		return Fact{}
	}
	return Fact{Label: label, Value: fmt.Sprintf("and %d more %s", n, what)}
}

// because adds the first line of a reason to a text, shortened.
func because(text, reason string) string {
	if first, _, _ := strings.Cut(strings.TrimSpace(Clean(reason)), "\n"); first != "" {
		text += ": " + shorten(first, maxDayBytes)
	}
	return text
}

func (t *DayTicks) text(ev *Event) string {
	span := Event{Timezone: ev.Timezone, Ticks: &Ticks{First: t.First, Last: t.Last, Count: t.Count}}
	text := because(fmt.Sprintf("%s (%s): %s", t.DAGID, t.Outcome, span.ticks()), t.Reason)
	if n := t.Reasons - 1; n > 0 {
		text += fmt.Sprintf(" (and %d other %s)", n, plural(n, "reason"))
	}
	return text
}

// names are the DAGs with a number that is not 0, with it.
func (d *Day) names(number func(*DayOfDAG) int) string {
	var (
		names  []string
		others int
	)
	for i := range d.DAGs {
		switch n := number(&d.DAGs[i]); {
		case n == 0:
		case len(names) == shownNames:
			others++
		default:
			names = append(names, fmt.Sprintf("%s %d", d.DAGs[i].DAGID, n))
		}
	}
	others += d.DAGCount - len(d.DAGs) // which ran too
	switch {
	case len(names) == 0:
		return ""
	case others > 0:
		return strings.Join(names, ", ") + fmt.Sprintf(" and %d more DAGs", others)
	}
	return strings.Join(names, ", ")
}

// commands are what people type for the rest of the day.
func (d *Day) commands(command func(label string, words ...string) Fact) (all []Fact) {
	const see = "查看 See"
	if d.Failed > 0 {
		all = append(all, command(see, "dags", "list-runs", "--state", "failed"))
	}
	if len(d.Broken) > 0 {
		all = append(all, command(see, "dags", "list-import-errors"))
	}
	if len(d.Ticks) > 0 {
		all = append(all, command(see, "dags", "why", d.Ticks[0].DAGID))
	}
	if len(d.Paused) > 0 {
		all = append(all, command("恢复调度 Unpause", "dags", "unpause", d.Paused[0].DAGID))
	}
	if d.Refused+d.Uncertain > 0 {
		all = append(all, command(see, "alerts", "check", "--since", d.Since.UTC().Format(time.RFC3339)))
	} else if d.Waiting > 0 {
		all = append(all, command(see, "alerts", "list", "--state", "waiting"))
	}
	return all
}
