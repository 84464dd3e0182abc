package callbacks

import (
	"fmt"
	"strings"
	"time"
)

// maxErrorBytes is how much of an error [Event.Facts] shows; the log has it all.
const maxErrorBytes = 2000

// Fact is one thing that is known about an event, with a label that Chinese and English
// readers understand.
type Fact struct{ Label, Value string }

// Title tells the event in a line: "任务失败 Task failed: etl.load".
func (ev *Event) Title() string { return headline(ev) + ": " + ev.Subject() }

// Text tells the event to people: the title, and each of the facts on a line.
func (ev *Event) Text() string {
	var b strings.Builder
	b.WriteString(ev.Title())
	for _, f := range ev.Facts() {
		fmt.Fprintf(&b, "\n%s: %s", f.Label, f.Value)
	}
	return b.String()
}

func headline(ev *Event) string {
	words := map[Kind][2]string{
		Execute: {"开始", "started"},
		Success: {"成功", "succeeded"},
		Failure: {"失败", "failed"},
		Retry:   {"将重试", "will be retried"},
		Skipped: {"已跳过", "was skipped"},
	}[ev.Kind]
	if ev.Kind == Missed {
		return "计划未运行 Scheduled runs did not start"
	}
	if ev.Kind == Deadline {
		return "运行超过期限 DAG run missed its deadline"
	}
	if ev.TaskID == "" {
		return "运行" + words[0] + " DAG run " + words[1]
	}
	return "任务" + words[0] + " Task " + words[1]
}

// Subject names what the event is about, such as "etl" or "etl.load[3]".
func (ev *Event) Subject() string {
	switch {
	case ev.TaskID == "":
		return ev.DAGID
	case ev.MapIndex >= 0:
		return fmt.Sprintf("%s.%s[%d]", ev.DAGID, ev.TaskID, ev.MapIndex)
	}
	return ev.DAGID + "." + ev.TaskID
}

// Facts lists what is known about the event, in the order in which one asks: DAG, task,
// run, try, ticks, deadline, reason, failed tasks, error, duration, next retry and the place of the log.
func (ev *Event) Facts() []Fact {
	all := []Fact{
		{"DAG", ev.DAGID},
		{"任务 Task", strings.TrimPrefix(strings.TrimPrefix(ev.Subject(), ev.DAGID), ".")},
		{"运行 Run", ev.RunID},
		{"次数 Try", tries(ev)},
		{"计划时刻 Due", ticks(ev.Ticks)},
		{"期限 Deadline", moment(ev.Deadline)},
		{"状态 State", stateAtDeadline(ev)},
		{"原因 Reason", ev.Reason},
		{"失败任务 Failed tasks", strings.Join(ev.FailedTasks, ", ")},
		{"错误 Error", shorten(ev.Error)},
		{"用时 Duration", duration(ev)},
		{"下次重试 Next retry", moment(ev.NextRetry)},
		{"日志 Log", ev.Log},
	}
	known := all[:0]
	for _, f := range all {
		if f.Value != "" {
			known = append(known, f)
		}
	}
	return known
}

// stateAtDeadline is how far a run is that missed its deadline.
func stateAtDeadline(ev *Event) string {
	if ev.Kind != Deadline {
		return ""
	}
	return ev.State
}

func tries(ev *Event) string {
	if ev.TryNumber == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", ev.TryNumber, max(ev.TryNumber, ev.MaxTries))
}

func duration(ev *Event) string {
	if ev.StartDate == nil || ev.EndDate == nil {
		return ""
	}
	took := ev.EndDate.Sub(*ev.StartDate)
	if took < time.Second {
		return took.Round(time.Millisecond).String()
	}
	return took.Round(time.Second).String()
}

// moment shows a time on the clock of this machine.
func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05 -07:00")
}

// ticks shows a stretch of ticks: from, to, and how many.
func ticks(t *Ticks) string {
	switch {
	case t == nil:
		return ""
	case t.Count == 1:
		return moment(&t.First)
	default:
		return fmt.Sprintf("%s .. %s, %d times", moment(&t.First), moment(&t.Last), t.Count)
	}
}

func shorten(text string) string {
	text = strings.TrimSpace(text)
	if len(text) <= maxErrorBytes {
		return text
	}
	return strings.ToValidUTF8(text[:maxErrorBytes], "") + "…"
}
