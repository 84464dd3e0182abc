package dingding

import (
	"fmt"
	"strings"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/hook"
)

// maxErrorBytes is how much of an error the default message shows; the log has it all.
const maxErrorBytes = 2000

// defaultMessage tells an event in a form that Chinese and English readers understand.
func defaultMessage(typ string, ev *callbacks.Event) (any, error) {
	title := headline(ev) + ": " + subject(ev)
	switch typ {
	case hook.TypeText:
		return plainText(title, ev), nil
	case hook.TypeMarkdown:
		return map[string]any{"title": title, "text": markdownText(title, ev)}, nil
	}
	return nil, fmt.Errorf("message_type %s has no default message; give one, or use text or markdown", typ)
}

func headline(ev *callbacks.Event) string {
	words := map[callbacks.Kind][2]string{
		callbacks.Execute: {"开始", "started"},
		callbacks.Success: {"成功", "succeeded"},
		callbacks.Failure: {"失败", "failed"},
		callbacks.Retry:   {"将重试", "will be retried"},
		callbacks.Skipped: {"已跳过", "was skipped"},
	}[ev.Kind]
	if ev.TaskID == "" {
		return "运行" + words[0] + " DAG run " + words[1]
	}
	return "任务" + words[0] + " Task " + words[1]
}

// subject names what the event is about, such as "etl.load[3]".
func subject(ev *callbacks.Event) string {
	switch {
	case ev.TaskID == "":
		return ev.DAGID
	case ev.MapIndex >= 0:
		return fmt.Sprintf("%s.%s[%d]", ev.DAGID, ev.TaskID, ev.MapIndex)
	}
	return ev.DAGID + "." + ev.TaskID
}

func plainText(title string, ev *callbacks.Event) string {
	var b strings.Builder
	b.WriteString(title)
	for _, f := range facts(ev) {
		fmt.Fprintf(&b, "\n%s: %s", f.label, f.value)
	}
	return b.String()
}

func markdownText(title string, ev *callbacks.Event) string {
	var b strings.Builder
	b.WriteString("#### " + title + "\n")
	for _, f := range facts(ev) {
		if strings.Contains(f.value, "\n") {
			fmt.Fprintf(&b, "\n- **%s**:\n\n> %s\n", f.label, strings.ReplaceAll(f.value, "\n", "  \n> "))
			continue
		}
		fmt.Fprintf(&b, "\n- **%s**: %s", f.label, f.value)
	}
	return b.String()
}

type fact struct{ label, value string }

// facts lists what is known about an event, in the order in which one asks.
func facts(ev *callbacks.Event) []fact {
	all := []fact{
		{"DAG", ev.DAGID},
		{"任务 Task", strings.TrimPrefix(strings.TrimPrefix(subject(ev), ev.DAGID), ".")},
		{"运行 Run", ev.RunID},
		{"次数 Try", tries(ev)},
		{"原因 Reason", ev.Reason},
		{"失败任务 Failed tasks", strings.Join(ev.FailedTasks, ", ")},
		{"错误 Error", shorten(ev.Error)},
		{"用时 Duration", duration(ev)},
		{"下次重试 Next retry", moment(ev.NextRetry)},
		{"日志 Log", ev.Log},
	}
	known := all[:0]
	for _, f := range all {
		if f.value != "" {
			known = append(known, f)
		}
	}
	return known
}

func tries(ev *callbacks.Event) string {
	if ev.TryNumber == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", ev.TryNumber, max(ev.TryNumber, ev.MaxTries))
}

func duration(ev *callbacks.Event) string {
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

func shorten(text string) string {
	text = strings.TrimSpace(text)
	if len(text) <= maxErrorBytes {
		return text
	}
	return strings.ToValidUTF8(text[:maxErrorBytes], "") + "…"
}
