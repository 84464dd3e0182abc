package callbacks

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxErrorBytes is how much of an error [Event.Facts] shows; the log has it all.
const maxErrorBytes = 2000

// Fact is one thing that is known about an event, with a label that Chinese and English
// readers understand. The value is clean, see [Clean].
type Fact struct {
	Label, Value string
	// Verbatim says that people copy the value: an id, a command, a path.
	Verbatim bool
}

// Title tells the event in a line: "任务失败 Task failed: etl.load".
func (ev *Event) Title() string { return headline(ev) + ": " + ev.Subject() }

// Text tells the event to people: the title, and each of the facts and the links on a line.
func (ev *Event) Text() string { return told(ev.Title(), append(ev.Facts(), ev.links()...)) }

// Brief is [Event.Text] without anything that a task has printed or a person has written,
// for a receiver that refused the text.
func (ev *Event) Brief() string {
	plain := *ev
	plain.Error, plain.Problem, plain.Reason, plain.OwnerProblem = "", "", "", ""
	if ev.Silence != nil {
		silent := *ev.Silence
		silent.Reason = ""
		plain.Silence = &silent
	}
	if ev.Digest != nil {
		plain.Digest = ev.Digest.plain()
	}
	if ev.Day != nil {
		plain.Day = ev.Day.brief()
	}
	return told(ev.Title(), append(append(plain.Facts(), plain.links()...), Fact{
		Label: "说明 Note", Value: "the receiver refused the whole text; the log has the error",
	}))
}

func told(title string, facts []Fact) string {
	var b strings.Builder
	b.WriteString(title)
	for _, f := range facts {
		fmt.Fprintf(&b, "\n%s: %s", f.Label, f.Value)
	}
	return b.String()
}

func headline(ev *Event) string {
	words := map[Kind][2]string{
		Execute:  {"开始", "started"},
		Success:  {"成功", "succeeded"},
		Failure:  {"失败", "failed"},
		Retry:    {"将重试", "will be retried"},
		Skipped:  {"已跳过", "was skipped"},
		Recovery: {"已恢复", "recovered"},
	}[ev.Kind]
	if ev.Kind == ImportError {
		return brokenHeadline(ev)
	}
	if ev.Kind == SilenceEnd {
		return silenceHeadline(ev.Silence)
	}
	if ev.Kind == Folded {
		return "告警汇总 Alerts in one"
	}
	if ev.Kind == DailyDigest {
		return "每日摘要 Daily digest"
	}
	if ev.Kind == NearlySpent {
		return quotaHeadline(ev.Quota)
	}
	if ev.Kind == Asked && ev.Ask != nil {
		return "请回答 Please answer " + ev.Ask.Subject
	}
	if ev.Kind == Missed && ev.Paused != "" {
		return "DAG 已暂停 DAG was paused"
	}
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
	case ev.Kind == ImportError:
		return brokenSubject(ev)
	case ev.Kind == SilenceEnd:
		return silenceSubject(ev.Silence)
	case ev.Digest != nil:
		return ev.Digest.subject()
	case ev.Kind == DailyDigest && ev.Day != nil:
		return ev.Day.Summary()
	case ev.Kind == NearlySpent && ev.Quota != nil:
		return ev.Quota.subject()
	case ev.TaskID == "":
		return ev.DAGID
	case ev.MapIndex >= 0:
		return fmt.Sprintf("%s.%s[%d]", ev.DAGID, ev.TaskID, ev.MapIndex)
	}
	return ev.DAGID + "." + ev.TaskID
}

// Facts lists what is known about the event, in the order in which one asks: what and when
// and where, whose it is, what went wrong, what comes next, and what to do. Long paths come
// last. Times are those of the DAG's zone.
func (ev *Event) Facts() []Fact {
	if ev.Digest != nil {
		return known(append([]Fact{{Label: "注意 Note", Value: ev.Problem}}, ev.digestFacts()...))
	}
	whenLabel, when := ev.when()
	task := ""
	if ev.TaskID != "" {
		task = strings.TrimPrefix(strings.TrimPrefix(ev.Subject(), ev.DAGID), ".")
	}
	all := []Fact{
		{Label: "注意 Note", Value: ev.Problem},
		{"DAG", ev.DAGID, true},
		{"任务 Task", task, true},
		{"运行 Run", ev.RunID, true},
		{Label: "次数 Try", Value: tries(ev)},
		{Label: whenLabel, Value: ev.moment(when)},
		{Label: "计划时刻 Due", Value: ev.ticks()},
		{Label: "期限 Deadline", Value: ev.moment(ev.Deadline)},
		{Label: "状态 State", Value: stateAtDeadline(ev)},
		{"主机 Host", ev.Host, true},
		{Label: "负责人 Owner", Value: ev.owner()},
		{Label: "原因 Reason", Value: reason(ev)},
		{Label: "已暂停 Paused", Value: ifOther(ev.Paused, ev.Reason)},
		{"失败任务 Failed tasks", strings.Join(ev.FailedTasks, ", "), true},
		{Label: "根因 Root causes", Value: ev.causes()},
		{Label: "错误 Error", Value: shorten(Clean(ev.Error), maxErrorBytes)},
		{"下游受阻 Blocks", ev.blocks(), true},
		{Label: "中断始于 Broken since", Value: ev.moment(ev.BrokenSince)},
		{Label: "中断时长 Broken for", Value: between(ev.BrokenSince, ev.EndDate)},
		{Label: "失败次数 Failures", Value: ev.failures()},
		{Label: "用时 Duration", Value: ev.duration()},
		{Label: "下次重试 Next retry", Value: ev.moment(ev.NextRetry)},
	}
	if ev.Day != nil {
		all = append(ev.Day.facts(ev), Fact{Label: "注意 Note", Value: ev.Problem}, Fact{"主机 Host", ev.Host, true})
	}
	all = append(append(append(brokenFacts(ev), ev.silenceFacts()...), ev.Ask.facts(ev)...), all...)
	all = append(all, ev.commands()...)
	return known(append(all, Fact{"日志 Log", ev.logPlace(), true}))
}

// logPlace is where the log of the attempt is.
func (ev *Event) logPlace() string {
	switch {
	case ev.Log == "" || ev.LogHost == "":
		return ev.Log
	case ev.LogStored:
		return fmt.Sprintf("%s (节点 on node %s, 随后在日志存储 then in the log store)", ev.Log, ev.LogHost)
	default:
		return fmt.Sprintf("%s (节点 on node %s)", ev.Log, ev.LogHost)
	}
}

// known are the facts that have a value, which becomes clean.
func known(all []Fact) []Fact {
	out := all[:0]
	for _, f := range all {
		if f.Value = strings.TrimSpace(Clean(f.Value)); f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

// owner is whose it is, and why they may not have been notified.
func (ev *Event) owner() string {
	if ev.OwnerProblem == "" {
		return ev.Owner
	}
	return fmt.Sprintf("%s (%s)", ev.Owner, ev.OwnerProblem)
}

// when is the moment of which the event tells, and what it is called.
func (ev *Event) when() (label string, at *time.Time) {
	switch ev.Kind {
	case Execute:
		return "开始 Started at", ev.StartDate
	case Failure, Retry:
		return "失败于 Failed at", ev.EndDate
	case Recovery:
		return "恢复于 Recovered at", ev.EndDate
	default:
		return "结束 Ended at", ev.EndDate
	}
}

// reason is that of an event; a silence has told it in its summary.
func reason(ev *Event) string {
	if ev.Silence != nil {
		return ""
	}
	return ev.Reason
}

// ifOther is the text, unless it is the other one.
func ifOther(text, other string) string {
	if text == other {
		return ""
	}
	return text
}

// stateAtDeadline is how far a run is that missed its deadline.
func stateAtDeadline(ev *Event) string {
	if ev.Kind != Deadline {
		return ""
	}
	return ev.State
}

// maxCauseBytes is how much of the error of one of several causes [Event.Facts] shows, and
// maxBlocked how many blocked tasks it names.
const maxCauseBytes, maxBlocked = 200, 5

// causes shows with which failures those of a run began, a line each. A task that failed
// alone is the cause, and its error is shown anyway.
func (ev *Event) causes() string {
	if len(ev.FailedTasks) < 2 {
		return ""
	}
	lines := make([]string, len(ev.Causes))
	for i, c := range ev.Causes {
		of := Event{TaskID: c.TaskID, MapIndex: c.MapIndex}
		first, _, _ := strings.Cut(strings.TrimSpace(Clean(c.Error)), "\n")
		lines[i] = strings.TrimPrefix(of.Subject(), ".") + ": " + shorten(first, maxCauseBytes)
	}
	return strings.Join(lines, "\n")
}

// blocks names the first of the tasks that do not run, and how many there are.
func (ev *Event) blocks() string {
	names, more := ev.Blocks, ""
	if n := len(names) - maxBlocked; n > 0 {
		names, more = names[:maxBlocked], fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(names, ", ") + more
}

func tries(ev *Event) string {
	if ev.TryNumber == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", ev.TryNumber, max(ev.TryNumber, ev.MaxTries))
}

// duration is how long the try or the run took. That of one that mended something matters
// to nobody.
func (ev *Event) duration() string {
	if ev.Kind == Recovery {
		return ""
	}
	return between(ev.StartDate, ev.EndDate)
}

// failures is how many there were before a recovery.
func (ev *Event) failures() string {
	if ev.Failures == 0 {
		return ""
	}
	return strconv.Itoa(ev.Failures)
}

func between(start, end *time.Time) string {
	if start == nil || end == nil {
		return ""
	}
	took := end.Sub(*start)
	if took < time.Second {
		return took.Round(time.Millisecond).String()
	}
	return took.Round(time.Second).String()
}

// moment shows a time on the clock of the DAG's zone, and names the zone.
func (ev *Event) moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	zone := ev.zone()
	return t.In(zone).Format("2006-01-02 15:04:05 -07:00") + " " + zone.String()
}

func (ev *Event) zone() *time.Location {
	zone, err := time.LoadLocation(ev.Timezone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// ticks shows a stretch of ticks: from, to, and how many.
func (ev *Event) ticks() string {
	switch t := ev.Ticks; {
	case t == nil:
		return ""
	case t.Count == 1:
		return ev.moment(&t.First)
	default:
		return fmt.Sprintf("%s .. %s, %d times", ev.moment(&t.First), ev.moment(&t.Last), t.Count)
	}
}

func shorten(text string, maxBytes int) string {
	text = strings.TrimSpace(text)
	if len(text) <= maxBytes {
		return text
	}
	return strings.ToValidUTF8(text[:maxBytes], "") + "…"
}
