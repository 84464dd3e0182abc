package command

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/dingdag/dingdag/dag"
)

// Lang is the language of an answer.
type Lang int

// The languages.
const (
	English Lang = iota
	Chinese
)

// Say is the text of the language with its arguments. Texts that need them in another order number them.
func (l Lang) Say(en, zh string, args ...any) string {
	if l == Chinese {
		return fmt.Sprintf(zh, args...)
	}
	return fmt.Sprintf(en, args...)
}

// languageOf is the language in which somebody writes who wrote a text.
func languageOf(text string) Lang {
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		return Chinese
	}
	return English
}

// Text is a text in both languages.
type Text struct{ EN, ZH string }

// In is the text in a language.
func (t Text) In(l Lang) string {
	if l == Chinese {
		return t.ZH
	}
	return t.EN
}

// state is a state of a run or task instance for people, with a sign that is seen from afar.
func (l Lang) state(s string) string {
	t, ok := map[string]Text{
		string(dag.Success): {"✅ success", "✅ 成功"}, string(dag.Failed): {"❌ failed", "❌ 失败"},
		string(dag.Running): {"🔵 running", "🔵 运行中"}, string(dag.Queued): {"⏳ queued", "⏳ 排队中"},
		string(dag.Scheduled): {"⏳ scheduled", "⏳ 已安排"}, string(dag.UpForRetry): {"🔁 up_for_retry", "🔁 等待重试"},
		string(dag.UpForReschedule): {"⏳ up_for_reschedule", "⏳ 等待再次检查"}, string(dag.UpstreamFailed): {"🚫 upstream_failed", "🚫 上游失败"},
		string(dag.Skipped): {"⏭ skipped", "⏭ 已跳过"}, string(dag.Deferred): {"⏳ deferred", "⏳ 挂起等待"},
		string(dag.Removed): {"removed", "已移除"}, string(dag.Restarting): {"🔁 restarting", "🔁 重启中"}, dag.None.String(): {"none", "未开始"}, "": {"none", "无"},
	}[s]
	if !ok {
		return s
	}
	return t.In(l)
}

// period is how long something took or is ago, to what people care for.
func (l Lang) period(d time.Duration) string {
	d = d.Abs()
	unit := func(n time.Duration, en, zh string) string { return fmt.Sprintf("%d %s", n, Text{en, zh}.In(l)) }
	day := 24 * time.Hour
	switch {
	case d < time.Minute:
		return unit(d/time.Second, "s", "秒")
	case d < time.Hour && d < 10*time.Minute && d%time.Minute >= time.Second:
		return unit(d/time.Minute, "min", "分") + " " + unit(d%time.Minute/time.Second, "s", "秒")
	case d < time.Hour:
		return unit(d/time.Minute, "min", "分钟")
	case d < day && d%time.Hour >= time.Minute:
		return unit(d/time.Hour, "h", "小时") + " " + unit(d%time.Hour/time.Minute, "min", "分")
	case d < day:
		return unit(d/time.Hour, "h", "小时")
	default:
		return unit(d/day, "d", "天") + " " + unit(d%day/time.Hour, "h", "小时")
	}
}

// seconds is a period of so many seconds.
func (l Lang) seconds(s float64) string { return l.period(time.Duration(s * float64(time.Second))) }
